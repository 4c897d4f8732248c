"""The component stream: from bytes to bare elements and back. Nothing of rooms or people."""
