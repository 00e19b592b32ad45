"""The prompt cache on disk: computed prefixes, found again by any process on any day. Files and hashes, no device."""
