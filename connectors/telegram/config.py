"""The keys of ``[networks.NAME]`` for ``connector = "telegram"``; the text below each key is its documentation.

Read by ``bridge.config`` through the manifest. A float is a duration: 2.5, "500ms", "1m".
"""

import re

import msgspec

from bridge.connector import Secret

TOKEN = re.compile(r"(\d+):[\w-]+", re.ASCII)
"""What @BotFather gives: the bot's number, a colon, a secret."""


class TelegramSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One bot on Telegram."""

    token: Secret
    """The bot's token, as @BotFather gives it: "110201543:AAHdqTcvCH1v…"."""
    api_url: str = "https://api.telegram.org"
    """The Bot API server: Telegram's own, or one that you run yourself."""
    group_within: float = 0.0
    """Leave the name out when the same person goes on within this time and nobody spoke in between; 0 is never."""
    webhook: bool = True
    """Have updates delivered to ``http.public_url``, where that is set; false: poll for them all the same."""
    upload_mb: int = 50
    """The largest file that is sent to Telegram, in MB; a Bot API server of your own takes 2000."""
    download_mb: int = 20
    """The largest file that Telegram gives to bots, in MB; a Bot API server of your own knows no limit."""
    poll: float = 50.0
    """How long Telegram may wait with its answer when there is nothing new."""

    def __post_init__(self) -> None:
        """Refuse what could not work, each with the key that is wrong."""
        if not TOKEN.fullmatch(self.token):
            msg = "token: found something else, expected a bot's token as @BotFather gives it: digits, a colon, letters"
            raise ValueError(msg)
        if not re.fullmatch(r"https?://[^\s/]+(/[^\s?#]*)?", self.api_url):
            msg = f'api_url: found "{self.api_url}", expected "https://HOST" or "http://HOST"'
            raise ValueError(msg)
        for key in ("upload_mb", "download_mb"):
            if not 1 <= getattr(self, key) <= 4000:
                msg = f"{key}: found {getattr(self, key)}, expected 1 to 4000"
                raise ValueError(msg)
        if not 0 < self.poll <= 50:
            msg = f"poll: found {self.poll:g}, expected more than 0 and at most 50 seconds"
            raise ValueError(msg)
        if self.group_within < 0:
            msg = f"group_within: found {self.group_within:g}, expected 0 or more"
            raise ValueError(msg)
