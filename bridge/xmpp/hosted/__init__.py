"""Rooms that the component itself serves (XEP-0045): a MUC service whose other side is a room of some network."""
