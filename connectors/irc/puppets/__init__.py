"""Users' own connections: the pool, where each shall be, under which nick, and as its user likes it."""
