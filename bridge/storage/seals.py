"""Secrets at rest: a text is sealed under a key, for one place in the store, and opens there and nowhere else.

AEAD by ChaCha20-Poly1305 (RFC 8439) with a random nonce for each seal; the place (table, network, user, field) is its
associated data, so that a row that was moved to another user or network does not open. Which rows hold secrets is
:mod:`bridge.storage.sealing`'s, where keys come from :mod:`bridge.storage.keyfile`'s. The only module that imports an AEAD.
"""

import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

KEY: Final = 32
"""Bytes of a key."""
MARK: Final = "sealed:"
"""How a sealed text begins: ``sealed:KEY:BASE64``, where KEY names the key and the rest is nonce and ciphertext."""
_NONCE: Final = 12

Place = tuple[str, ...]
"""Where a sealed text stands: the table, what names the row, the column."""


class CannotOpen(Exception):
    """A sealed text does not open; the text is the second half of a sentence, without anything of the secret."""


class KeyRing:
    """The keys of a store, in the order in which they were made: the last one seals, all of them open."""

    def __init__(self, keys: Iterable[bytes] = ()) -> None:
        self._keys = {name_of(key): key for key in keys}
        self.newest = next(reversed(self._keys), "")

    @property
    def names(self) -> tuple[str, ...]:
        """What the keys are called, oldest first."""
        return tuple(self._keys)

    def seal(self, text: str, place: Place) -> str:
        """Return a text that only opens with our newest key, at this place."""
        nonce = os.urandom(_NONCE)
        sealed = _cipher(self._keys[self.newest]).encrypt(nonce, text.encode(errors="surrogatepass"), _bound(place))
        return f"{MARK}{self.newest}:{b64encode(nonce + sealed).decode()}"

    def open(self, text: str, place: Place) -> str:
        """Return what was sealed; a text that never was comes back as it is. Raises: CannotOpen."""
        name = key_of(text)
        if not name:
            return text
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as in _cipher

        key = self._keys.get(name)
        if key is None:
            msg = f"it was encrypted with key {name}, which is not there"
            raise CannotOpen(msg)
        try:
            data = b64decode(text[len(MARK) + len(name) + 1 :], validate=True)
            return _cipher(key).decrypt(data[:_NONCE], data[_NONCE:], _bound(place)).decode(errors="surrogatepass")
        except (InvalidTag, ValueError):
            msg = "it was damaged, or moved here from another row"
            raise CannotOpen(msg) from None


def _cipher(key: bytes) -> "ChaCha20Poly1305":
    from cryptography.hazmat.primitives.ciphers.aead import (  # noqa: PLC0415 - 7 MB and 30 ms, and a store may hold no secret
        ChaCha20Poly1305,
    )

    return ChaCha20Poly1305(key)


def fresh_key() -> bytes:
    """Return a new key."""
    return os.urandom(KEY)


def name_of(key: bytes) -> str:
    """Return what a key is called: a few digits that tell nothing of it."""
    return hashlib.sha256(b"linkspan key " + key).hexdigest()[:8]


def key_of(text: str) -> str:
    """Return the name of the key that a text was sealed with, "" for a text in the clear."""
    return text[len(MARK) :].partition(":")[0] if text.startswith(MARK) else ""


def _bound(place: Place) -> bytes:
    """Return a place as bytes, no two of them alike."""
    parts = (part.encode(errors="surrogatepass") for part in place)
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
