#compdef infer
# Completion of infer for zsh; `infer completions zsh` prints this file. The infer on the PATH answers.

_infer() {
    local -a answer
    local files skip failed=1
    answer=("${(@f)$(command infer __complete zsh "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)}")
    files=${answer[1]%%$'\t'*} skip=${answer[1]#*$'\t'}
    [[ $skip == <-> ]] || return 1
    shift answer
    (( skip )) && compset -p $skip
    (( $#answer )) && _describe -t values value answer && failed=0
    case $files in
        any) _files && failed=0 ;;
        gguf) _files -g '*.(#i)gguf(-.)' && failed=0 ;;
    esac
    return failed
}

# As a file of fpath this is the body of _infer itself; sourced, it defines it.
if [[ $funcstack[1] == _infer ]]; then
    _infer "$@"
else
    compdef _infer infer
fi
