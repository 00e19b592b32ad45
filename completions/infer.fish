# Completion of infer for fish; `infer completions fish` prints this file. The infer on the PATH answers.

function __infer_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l word (commandline -ct | string trim --left --chars '"\'')
    set -l answer (command infer __complete fish $words "$word" 2>/dev/null </dev/null)
    set -q answer[1]; or return
    set -l files (string split \t -- $answer[1])
    set -e answer[1]
    set -q answer[1]; and printf '%s\n' $answer
    switch $files[1]
        case any
            set -l before (string sub --length $files[2] -- "$word")
            for path in (__fish_complete_path (string sub --start (math $files[2] + 1) -- "$word"))
                printf '%s%s\n' "$before" $path
            end
        case gguf
            __fish_complete_suffix .gguf
    end
end

complete --command infer --no-files --keep-order --arguments '(__infer_complete)'
