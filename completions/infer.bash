# Completion of infer for bash 3.2 and newer; `infer completions bash` prints this file. The infer on the PATH answers.

_infer() {
    local answer line
    COMPREPLY=()
    answer=$(command infer __complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null </dev/null)
    if [[ $answer == *$'\n'* ]]; then
        while IFS= read -r line; do COMPREPLY+=("$line"); done <<<"${answer#*$'\n'}"
        [[ $answer == more* ]] && compopt -o nospace 2>/dev/null
        return 0
    fi
    # No names: a path, if there can be one. Without compopt (before 4.0) every path, everywhere.
    case $answer in
        any*) ;;
        gguf*)
            if compopt -o filenames 2>/dev/null; then
                while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
                    compgen -d -- "$2"
                    compgen -f -X '!*.[gG][gG][uU][fF]' -- "$2"
                )
            fi
            ;;
        *) compopt +o default 2>/dev/null ;;
    esac
    return 0
}

complete -o default -F _infer infer
