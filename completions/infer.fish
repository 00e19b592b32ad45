# Completion of infer for fish; `infer completions fish` prints this file. The infer on the PATH answers.

function __infer_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l word (commandline -ct | string trim --left --chars '"\'')
    set word (string unescape -- "$word"; or printf %s "$word")
    set -l answer (command infer __complete fish $words "$word" 2>/dev/null </dev/null)
    set -q answer[1]; or return
    set -l files (string split \t -- $answer[1])
    set -e answer[1]
    set -q answer[1]; and printf '%s\n' $answer
    test "$files[1]" = none; and return
    set -l before (string sub --length $files[2] -- "$word")
    for path in (__fish_complete_path (string sub --start (math $files[2] + 1) -- "$word"))
        test $files[1] = any; or string match --quiet --ignore-case --regex '(/|\.gguf)(\t|$)' -- $path; or continue
        printf '%s%s\n' "$before" $path
    end
end

complete --command infer --no-files --keep-order --arguments '(__infer_complete)'
