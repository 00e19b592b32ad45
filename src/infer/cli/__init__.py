"""The part that speaks to a person."""
