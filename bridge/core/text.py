"""Making text safe to hand on: what XML and line protocols cannot carry, and what reaches beyond its own end.

Two strengths. A body keeps its bidirectional controls, since languages need them, but whatever it opens is closed at
the end of its line. A name or a topic is set into a sentence of somebody else's: it has none of them, and is one line.
Called by connectors where text comes in.
"""

import re

_ILLEGAL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
"""Not legal in XML 1.0 (section 2.2), or discouraged there and a control everywhere: C0, DEL and C1."""
_BREAKS = re.compile(r"\r\n?")
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_EMBEDDINGS = frozenset("\u202a\u202b\u202d\u202e")
_ISOLATES = frozenset("\u2066\u2067\u2068")
_OPENING = re.compile(f"[{''.join(sorted(_EMBEDDINGS | _ISOLATES))}]")
_POP_EMBEDDING = "\u202c"
_POP_ISOLATE = "\u2069"


def clean(text: str) -> str:
    r"""Return a body without what cannot be carried: C0 except ``\n`` and ``\t``, C1, half surrogates, U+FFFE, U+FFFF.

    ``\r\n`` and ``\r`` become ``\n``, also U+0085. Directions that are opened in a line are closed at its end.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _ILLEGAL.sub("", _BREAKS.sub("\n", text).replace("\x85", "\n"))
    if _OPENING.search(text) is None:
        return text
    return "\n".join(_closed(line) for line in text.split("\n"))


def clean_name(text: str) -> str:
    """Return a name, topic or reason as one line without controls and without any change of direction."""
    if text.isascii() and text.isprintable():
        return text
    return " ".join(_DIRECTION.sub("", clean(text)).split())


def _closed(line: str) -> str:
    """Close what a line leaves open (UAX #9): an isolate ends all that was opened in it, an embedding ends itself."""
    closers: list[str] = []
    isolates: list[int] = []  # where in closers
    for character in line:
        if character in _EMBEDDINGS:
            closers.append(_POP_EMBEDDING)
        elif character in _ISOLATES:
            isolates.append(len(closers))
            closers.append(_POP_ISOLATE)
        elif character == _POP_ISOLATE and isolates:
            del closers[isolates.pop() :]
        elif character == _POP_EMBEDDING and closers and closers[-1] == _POP_EMBEDDING:
            closers.pop()
    return line + "".join(reversed(closers))
