"""What a delivery of a webhook says, once its format has read it: a value that knows no service any more.

Made by :mod:`connectors.webhook.formats`, asked by filters, turned into events by the connector.
"""

import msgspec

from bridge.core.content import Content


class Posting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to say in a room."""

    content: Content
    name: str = ""  # who speaks, where the message itself says so
    avatar: str = ""  # URL of their picture, likewise
    service: str = ""  # "GitHub": who speaks where neither message nor hook give a name
    event: str = ""  # "push", "pull_request.opened": what kinds are filtered by
    branch: str = ""
    labels: tuple[str, ...] = ()
    severity: str = ""
    edit_key: str = ""  # a later posting with the same key corrects this one, or answers it
    closes: bool = False  # what the key stands for is over: the next posting with the same key is a new message
    delivery: str = ""  # the sender's id of this delivery, the same when it comes again; "" where it has none
    thread: str = ""
    silent: bool = False  # nobody is to be woken


class Ignored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A delivery that is understood, and says nothing to people: still answered as taken."""

    reason: str
    event: str = ""
    delivery: str = ""


class Malformed(Exception):
    """A body that cannot be read: one line that names the field, what was found and what is expected."""

    def __init__(self, field: str, found: str, expected: str) -> None:
        super().__init__(f"{field}: found {found}, expected {expected}")
        self.field = field
        self.found = found
        self.expected = expected


class UnknownType(Exception):
    """A body of a media type that no format reads."""

    def __init__(self, media_type: str) -> None:
        super().__init__(f'a body of type "{media_type}", expected JSON, a form or text')
        self.media_type = media_type
