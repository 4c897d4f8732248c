"""IRC: a listener and a connection for each person, on any IRC network. Nothing here but what the program reads first."""

from bridge.connector import API, Manifest

MANIFEST = Manifest(
    kind="irc",
    title="Internet Relay Chat",
    api=API,
    settings="connectors.irc.config:IrcSettings",
    factory="connectors.irc.connector:build",
    capabilities="connectors.irc.connector:CAPABILITIES",
    extra="irc",
)
