"""The XMPP side as a connector: the only package that imports slixmpp."""
