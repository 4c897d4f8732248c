"""Echo: a network that exists only in this process. The template for new connectors, and what the engine is tested on."""

from bridge.connector import API, Manifest

MANIFEST = Manifest(
    kind="echo",
    title="Echo (a network in memory)",
    api=API,
    settings="connectors.echo.config:EchoSettings",
    factory="connectors.echo.connector:build",
    capabilities="connectors.echo.config:CAPABILITIES",
)
