"""SMS: a telephone number is a person, through Kannel, Twilio, a telephone, SMPP, gammu-smsd, or any provider with HTTP."""

from bridge.connector import API, Manifest

MANIFEST = Manifest(
    kind="sms",
    title="SMS",
    api=API,
    settings="connectors.sms.config:SmsSettings",
    factory="connectors.sms.connector:build",
    extra="sms",
    capabilities="connectors.sms.capabilities:CAPABILITIES",
)
