"""Text: messages become a prompt, a stream of text becomes deltas."""
