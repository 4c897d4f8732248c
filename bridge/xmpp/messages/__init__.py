"""Messages and their files, read from elements and written as stanzas."""
