"""Webhooks: programs that post to a URL speak in a room, and programs that have a URL hear it."""

from bridge.connector import API, Manifest

MANIFEST = Manifest(
    kind="webhook",
    title="Webhooks",
    api=API,
    settings="connectors.webhook.config:WebhookSettings",
    factory="connectors.webhook.connector:build",
    extra="webhook",
    capabilities="connectors.webhook.capabilities:CAPABILITIES",
)
