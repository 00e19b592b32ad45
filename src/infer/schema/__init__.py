"""JSON Schemas: reading them, what of them can be enforced, and whether a text is what they ask for. Pure."""
