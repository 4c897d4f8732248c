"""By what bridges and clients know each other on the wire: client tags, and the end of a puppet's real name."""

MARKER = "(via linkspan)"
"""How the real name of every bridge's puppet ends: who carries it is a stand-in for somebody elsewhere."""
VIA = "+linkspan/via"
"""Client tag that names the bridges which a message came through, separated by commas."""
REPLY = "+draft/reply"
REACT = "+draft/react"
UNREACT = "+draft/unreact"
TYPING = "+typing"

OWN = "~"
"""How an id begins that we have given to a message of a network without ids: it is never written on the wire."""
