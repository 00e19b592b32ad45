#compdef infer

_infer_completion() {
  eval $(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _INFER_COMPLETE=complete_zsh infer)
}

compdef _infer_completion infer
