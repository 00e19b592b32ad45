"""Work that uses a model and prints nothing."""
