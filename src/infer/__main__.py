"""`python -m infer` is `infer`."""

from infer.cli.main import main

main()
