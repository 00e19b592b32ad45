"""The same surface as `infer.llm`, in a child process."""
