"""The key file beside a store: one key a line in base64, oldest first; made when there is none, for its owner's eyes only.

Lines that begin with ``#`` are for people. The file is replaced whole, never written over: a full disk costs no key. What is
done with the keys is :mod:`bridge.storage.seals`'. Called by :mod:`bridge.storage.sealing`.
"""

import contextlib
import os
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import URL

from bridge.engine.ports import StoreError
from bridge.storage.database import path_of
from bridge.storage.seals import KEY, fresh_key

_HEAD: Final = (
    "# The keys of a linkspan store. Who has this file and a copy of the store can read the passwords in it, and without it\n"
    "# nobody can. Keep a copy of it, apart from copies of the store. The last key encrypts, all of them decrypt.\n"
)
_LARGEST: Final = 65_536
_MODE: Final = 0o600


def place(url: URL, configured: str) -> Path:
    """Return where the keys of a store are: where the operator says, else beside an SQLite file, else in the working folder."""
    if configured:
        return Path(configured).expanduser()
    beside = path_of(url)
    if beside is None:
        return Path("linkspan.key")
    return beside.with_suffix(".key") if beside.suffix != ".key" else beside.with_suffix(".key.key")


def read(path: Path) -> list[bytes] | None:
    """Return the keys of a file, oldest first; None where there is no file. Raises: StoreError."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST).decode("ascii", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, _why(error)) from error
    keys = [_key(line, path, number) for number, line in enumerate(text.splitlines(), 1) if _is_key(line)]
    if not keys:
        raise _unusable(path, "there is no key in it: restore it from a copy")
    return keys


def write(path: Path, keys: Sequence[bytes]) -> None:
    """Write a file with these keys, readable by its owner alone, or leave the one that is there. Raises: StoreError."""
    fresh = path.with_name(f"{path.name}.new")
    text = _HEAD + "".join(f"{b64encode(key).decode()}\n" for key in keys)
    try:
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()  # of an attempt that did not end
        number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        _keep_owner(number, path)
        with os.fdopen(number, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            fresh.unlink()
        msg = f"the key file {path} cannot be written: {_why(error)}; store.key_file says where else it shall be"
        raise StoreError(msg) from error


def made(path: Path) -> list[bytes]:
    """Make a file with one new key, and return it. Raises: StoreError."""
    keys = [fresh_key()]
    write(path, keys)
    return keys


def exposed(path: Path) -> str:
    """Say in a sentence who else may read or change a key file, "" where nobody may."""
    try:
        mode = path.stat().st_mode & 0o777
    except OSError:
        return ""
    return "" if mode & 0o077 == 0 else f"the key file {path} is open to others (mode {mode:03o}): chmod 600 {path}"


def _keep_owner(number: int, path: Path) -> None:
    """Give an open file to whom the one at ``path`` belongs, if there is one: root may change the keys of the bridge's user."""
    with contextlib.suppress(OSError):  # whoever may not do that is the owner of what they write
        before = path.stat()
        os.fchown(number, before.st_uid, before.st_gid)


def _is_key(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _key(line: str, path: Path, number: int) -> bytes:
    with contextlib.suppress(ValueError):
        key = b64decode(line.strip(), validate=True)
        if len(key) == KEY:
            return key
    raise _unusable(path, f"line {number} is no key: restore it from a copy")


def _unusable(path: Path, why: str) -> StoreError:
    return StoreError(f"the key file {path} cannot be used: {why}")


def _why(error: OSError) -> str:
    return (os.strerror(error.errno) if error.errno else str(error)).lower()
