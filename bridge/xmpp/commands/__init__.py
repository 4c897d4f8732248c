"""The doors to the commands on XMPP: forms and lines of chat."""
