"""Rooms of somebody else's MUC service, with the bridge's listener and ghosts as guests in them."""
