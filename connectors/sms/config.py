"""The keys of ``[networks.NAME]`` for ``connector = "sms"``; the text below each key is its documentation.

Read by ``bridge.config`` through the manifest. A float is a duration: 2.5, "500ms", "1m".
"""

import re
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import msgspec

from bridge.connector import Secret

_LIST_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class ProviderKind(StrEnum):
    """Who carries the messages."""

    KANNEL = "kannel"
    TWILIO = "twilio"
    ANDROID = "android"
    SMPP = "smpp"
    GAMMU = "gammu"
    HTTP = "http"


class ListSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A room of telephones: everybody on the list gets what is said, and says something by answering."""

    open: bool = False
    """Whether anybody may come in by sending ``JOIN LIST``."""
    numbers: tuple[str, ...] = ()
    """Who is on the list from the beginning."""


class SmsSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One telephone number of ours."""

    provider: ProviderKind
    """Who carries the messages."""
    number: str
    """Ours, in international form: what telephones answer to."""
    url: str = ""
    """Where messages are handed in; default: Twilio's own, Kannel and a telephone on this machine."""
    username: str = ""
    """Kannel: of the group ``sendsms-user``. Twilio: the account's SID. Telephone: as its app shows it. SMPP: the system id."""
    password: Secret = Secret("")
    """That goes with it. Twilio: the account's token, which also signs."""
    secret: Secret = Secret("")
    """Kannel and http: stands in the URL that is called back, since they sign nothing. Telephone: its signing key for webhooks."""
    service: str = ""
    """Twilio: SID of a messaging service to send through, instead of ``number``. SMPP: the system type."""
    mms: bool = False
    """Twilio: pictures, sounds and films go out as such (MMS), and not as links."""
    folder: str = ""
    """gammu: the folder in which gammu-smsd has inbox, outbox, sent and error."""
    body: str = ""
    """http: what is posted, with {to}, {from}, {text} and {ref} in it; JSON where it begins like that, else a form."""
    region: str = ""
    """Country in which numbers without a country code are meant: "GB"."""
    owners: tuple[str, ...] = ()
    """Bare JIDs that get what a telephone says to nobody in particular."""
    name: str = "Linkspan"
    """Who we are, in answers to HELP and STOP."""
    contact: str = ""
    """How to reach a person, in the answer to HELP."""
    parts: int = 10
    """Most short messages that one text may become; a longer text is not sent, and its sender is told."""
    smart: bool = True
    """Typographic quotation marks, dashes and blanks become plain ones where that keeps a text in the cheap alphabet."""
    daily: int = 0
    """Most short messages on one day (UTC), all together; 0: no bound. At four fifths the admins are told."""
    gather: float = 0.0
    """What a list says within this time goes to a telephone as one message; 0: each by itself."""
    short_codes: tuple[str, ...] = ()
    """Senders that are short codes although they look like numbers."""
    lists: dict[str, ListSettings] = {}
    """Rooms of several telephones, by name."""

    def __post_init__(self) -> None:
        """Refuse what could not work, each with the key that is wrong."""
        for key in _NEEDED[self.provider]:
            if not getattr(self, key):
                msg = f'{key}: missing, expected it for provider "{self.provider}"'
                raise ValueError(msg)
        _check_url(self.url, ("smpp",) if self.provider is ProviderKind.SMPP else ("http", "https"))
        if self.provider is ProviderKind.SMPP and len(self.password) > 8:
            msg = "password: found one of more than 8 characters, which SMPP does not carry"
            raise ValueError(msg)
        for name in self.lists:
            if not _LIST_NAME.fullmatch(name):
                msg = f'lists: found "{name}", expected names of small letters, digits, "-" and "_"'
                raise ValueError(msg)
        if not 1 <= self.parts <= 255:
            msg = f"parts: found {self.parts}, expected 1 to 255"
            raise ValueError(msg)
        if self.daily < 0:
            msg = f"daily: found {self.daily}, expected 0 or more"
            raise ValueError(msg)
        for owner in self.owners:
            if "@" not in owner or "/" in owner:
                msg = f'owners: found "{owner}", expected bare JIDs such as "admin@example.org"'
                raise ValueError(msg)


_NEEDED: Final = {
    ProviderKind.KANNEL: ("username", "password", "secret"),
    ProviderKind.TWILIO: ("username", "password"),
    ProviderKind.ANDROID: ("username", "password", "secret"),
    ProviderKind.SMPP: ("url", "username", "password"),
    ProviderKind.GAMMU: ("folder",),
    ProviderKind.HTTP: ("url", "body", "secret"),
}


def _check_url(url: str, schemes: tuple[str, ...]) -> None:
    split = urlsplit(url)
    if url and (split.scheme not in schemes or not split.hostname):
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        msg = f'url: found "{url}", expected one that begins with {wanted}'
        raise ValueError(msg)
