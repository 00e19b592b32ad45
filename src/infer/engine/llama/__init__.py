"""llama.cpp: the only door to `llama_cpp`."""
