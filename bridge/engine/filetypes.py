"""What a file is, judged by its first bytes: a name or a header may say anything. Pure.

The library is asked lazily: loading its table of signatures takes longer than most messages. Called by
:mod:`bridge.engine.media` for every file that it opens.
"""

import mimetypes
from typing import Final

ENOUGH: Final = 2_048
"""Bytes that are looked at."""
UNKNOWN: Final = "application/octet-stream"

_SURE: Final = 0.3  # what two bytes say (0.2) only counts where it is what was claimed anyway
_PROPER: Final = {
    "image/x-ms-bmp": "image/bmp",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/x-flac": "audio/flac",
    "application/x-gzip": "application/gzip",
    "application/x-pdf": "application/pdf",
}
_WRAPPERS: Final = frozenset({"application/gzip", "application/zip", "application/xml", "text/xml"})
"""What many other kinds are written in: a claim that is not seen through is believed."""
_SHOWN: Final = ("image/", "audio/", "video/")
_TEXTUAL: Final = ("text/", "application/json", "application/xml", "image/svg+xml")


def judged(head: bytes, *, claimed: str = "", name: str = "") -> str:
    """Return the media type of a file that begins with ``head``; never "", and never a picture that is none.

    ``claimed`` is what its source says, ``name`` its file name: both only refine what the bytes allow.
    """
    claimed = _essence(claimed) or mimetypes.guess_type(name)[0] or ""
    found = _signatures(head)
    if claimed and any(kind == claimed for kind, _ in found):
        return claimed
    sure = [kind for kind, confidence in found if confidence >= _SURE]
    if sure:
        return _refined(sure[0], head, claimed)
    if _is_text(head):
        return claimed if claimed.startswith(_TEXTUAL) else "text/plain"
    return claimed if claimed and not claimed.startswith((*_SHOWN, "text/")) else UNKNOWN


def _essence(claimed: str) -> str:
    """Return a media type without parameters, in lower case; "" for what is none."""
    kind = claimed.partition(";")[0].strip().lower()
    major, slash, minor = kind.partition("/")
    proper = slash and major.isascii() and minor and kind.isprintable() and " " not in kind
    return _PROPER.get(kind, kind) if proper and kind != UNKNOWN else ""


def _signatures(head: bytes) -> list[tuple[str, float]]:
    """Return the media types that begin like this, the surest first."""
    if not head:
        return []
    import puremagic  # noqa: PLC0415 - see the docstring

    try:
        matches = puremagic.magic_string(head[:ENOUGH])
    except (puremagic.PureError, ValueError):
        return []
    found = []
    for match in matches:
        kind = match.mime_type or mimetypes.types_map.get(match.extension, "")
        if kind:
            found.append((_PROPER.get(kind, kind), float(match.confidence)))
    return found


def _refined(kind: str, head: bytes, claimed: str) -> str:
    if kind == "application/ogg":
        return "audio/ogg" if b"OpusHead" in head or b"vorbis" in head else "video/ogg"
    if kind in _WRAPPERS and claimed and not claimed.startswith(("audio/", "video/")):
        return claimed
    return kind


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if len(head) - error.start > 3:  # else only the last character is cut
            return False
        text = head[: error.start].decode()
    return bool(text) and all(character >= " " or character in "\t\r\n\f" for character in text)
