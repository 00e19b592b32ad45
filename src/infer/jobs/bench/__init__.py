"""Measuring one model on this machine, and finding the settings it is fastest with."""
