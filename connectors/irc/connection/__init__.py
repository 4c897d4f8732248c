"""One connection to an IRC server: from a socket to lines that are known to have arrived. Nothing of rooms or people."""
