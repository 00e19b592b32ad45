"""Shell completion: what can stand at the cursor of a command line, told to bash, zsh, fish and PowerShell.

    completions/infer.*   the shell's part: hands over the line, takes the answer    (`infer completions SHELL`)
    shells.py             a shell's line -> words; candidates -> that shell's form
    candidates.py         words -> candidates
    grammar.py            what the commands take; generated out of the commands by scripts/completions

It imports neither Typer nor anything of the commands: a Tab is answered in a third of the time that takes.
"""
