"""Many prompts at once: lines in, lines out, and what a killed run left behind goes on."""
