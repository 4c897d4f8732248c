"""Telegram: groups, topics and channels through a bot, by the Bot API."""

from bridge.connector import API, Manifest

MANIFEST = Manifest(
    kind="telegram",
    title="Telegram",
    api=API,
    settings="connectors.telegram.config:TelegramSettings",
    factory="connectors.telegram.connector:build",
    extra="telegram",
    capabilities="connectors.telegram.capabilities:CAPABILITIES",
)
