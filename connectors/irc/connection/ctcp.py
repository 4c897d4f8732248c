"""CTCP: what hides between two 0x01 in a PRIVMSG or NOTICE (modern IRC, "CTCP"). Pure.

The library's ``irc.ctcp`` is not used: it undoes a quoting that nobody speaks any more, by which a text could bring
forth CR, LF and NUL.
"""

_MARK = "\x01"


def read(text: str) -> tuple[str, str] | None:
    """Return (COMMAND, argument) of a CTCP message, None for plain text; the closing mark may be missing."""
    if not text.startswith(_MARK) or len(text) < 2:
        return None
    command, _, argument = text[1:].removesuffix(_MARK).partition(" ")
    return (command.upper(), argument.replace(_MARK, "")) if command else None


def write(command: str, argument: str = "") -> str:
    """Return the text of a CTCP message: ``write("ACTION", "waves")``."""
    argument = argument.replace(_MARK, "")
    return f"{_MARK}{command} {argument}{_MARK}" if argument else f"{_MARK}{command}{_MARK}"
