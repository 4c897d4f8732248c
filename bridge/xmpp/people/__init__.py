"""People and networks at addresses of ours: contacts, private messages, profiles, block lists, searches."""
