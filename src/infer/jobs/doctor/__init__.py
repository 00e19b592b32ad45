"""`infer doctor`: what this machine, this build and this installation can do, and what to do about what is wrong."""
