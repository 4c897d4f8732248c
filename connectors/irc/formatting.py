"""mIRC formatting codes to spans and back. Pure; called by the inbound and outbound halves."""

from bridge.core.content import Span


def read(text: str) -> tuple[str, tuple[Span, ...]]:
    """Take the codes out of a line: the bare text, and the spans that they made."""
    raise NotImplementedError


def write(text: str, spans: tuple[Span, ...]) -> str:
    """Put codes for the spans into one line of text; everything that is opened is closed."""
    raise NotImplementedError


def strip(text: str) -> str:
    """Return the text without codes."""
    return read(text)[0]
