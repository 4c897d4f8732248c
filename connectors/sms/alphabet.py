"""The GSM 7 bit default alphabet (3GPP TS 23.038, section 6.2.1) and its extension table. Pure.

Text on the air is either septets of this alphabet or UCS-2; one character outside decides for the whole message. So
typographic characters that have a plain twin can be replaced first (:func:`plain`).
"""

from typing import Final

ESCAPE: Final = 0x1B

_DEFAULT: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
_SEPTETS: Final = {
    **{character: bytes([code]) for code, character in enumerate(_DEFAULT) if code != ESCAPE},
    **{character: bytes([ESCAPE, code]) for character, code in _EXTENSION.items()},
}
_CHARACTERS: Final = {code: character for code, character in enumerate(_DEFAULT) if code != ESCAPE}
_EXTENDED: Final = {code: character for character, code in _EXTENSION.items()}

_PLAIN: Final = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "‚": "'",
        "‛": "'",
        "′": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "‟": '"',
        "″": '"',
        "«": '"',
        "»": '"',
        "‹": "'",
        "›": "'",
        "‐": "-",
        "‑": "-",
        "‒": "-",
        "–": "-",
        "—": "-",
        "―": "-",
        "−": "-",
        "…": "...",
        "•": "*",
        "·": ".",
        "\u00a0": " ",
        "\u202f": " ",
        "\u2007": " ",
        "\u2009": " ",
        "\u200a": " ",
        "\u2002": " ",
        "\u2003": " ",
        "\u200b": "",
        "\u00ad": "",
        "\ufeff": "",
        "\t": " ",
        "`": "'",
        "´": "'",
        "×": "x",
        "™": "(TM)",
        "©": "(C)",
        "®": "(R)",
    }
)


def fits(text: str) -> bool:
    """Tell whether a text can be said in the alphabet alone."""
    return all(character in _SEPTETS for character in text)


def septets(text: str) -> int:
    """Return how many septets a text takes; a character of the extension table takes two. Raises: KeyError."""
    return sum(len(_SEPTETS[character]) for character in text)


def encode(text: str) -> bytes:
    """Return a text as unpacked septets, one in a byte. Raises: KeyError for a character outside."""
    return b"".join(_SEPTETS[character] for character in text)


def decode(data: bytes) -> str:
    """Return what unpacked septets say; an escape before an unknown code is that code's plain character (section 6.2.1.1)."""
    found = []
    codes = iter(data)
    for code in codes:
        if code == ESCAPE:
            code = next(codes, ESCAPE)  # noqa: PLW2901 - the pair is one character
            found.append(_EXTENDED.get(code) or _CHARACTERS.get(code, " "))
        else:
            found.append(_CHARACTERS.get(code & 0x7F, "\ufffd"))
    return "".join(found)


def plain(text: str) -> str:
    """Return the text with typographic characters replaced, if that makes it fit the alphabet; else as it was."""
    if fits(text):
        return text
    replaced = text.translate(_PLAIN)
    return replaced if fits(replaced) else text
