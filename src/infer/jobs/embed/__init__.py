"""Many texts at once: lines in, vectors out."""
