"""Tokens: token ids in, token ids out."""
