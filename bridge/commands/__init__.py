"""Every command, by what it is about: its definition, and what runs it."""
