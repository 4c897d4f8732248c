"""One module for each provider of short messages."""
