"""Files: a name becomes a verified file on this machine."""
