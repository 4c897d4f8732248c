"""Which rows hold secrets, and that none of them is in the clear: the vault between the store and its callers.

Secrets are the credentials of logins, the preferences of users, and those of the connectors' small texts that were handed over
as a :class:`bridge.connector.Secret`. A row that does not open is left as it is, and said so; it opens again once its key is
back in the key file. Used by :mod:`bridge.storage.store`; ``linkspan db`` calls :func:`rotate` and :func:`wrong`.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Table, and_, bindparam, func, or_, select, tuple_, update

from bridge.connector import Secret
from bridge.core.ids import Network
from bridge.engine.ports import StoredLogin, StoredPreferences, StoreError
from bridge.storage import database, keyfile, tables
from bridge.storage.ledger import enter
from bridge.storage.seals import MARK, CannotOpen, KeyRing, Place, fresh_key, key_of

log = logging.getLogger(__name__)

Condition = ColumnElement[bool]

_CLEAR_ONCE: Final = ("hook/", "stay ")
"""How the names of small texts begin that hold secrets and were kept in the clear by former versions."""


class _Kind(NamedTuple):
    """A column with secrets; what names its rows is the primary key."""

    table: Table
    column: Column[str]


_KINDS: Final = (
    _Kind(tables.logins, tables.logins.c.credentials),
    _Kind(tables.preferences, tables.preferences.c.chosen),
    _Kind(tables.memory, tables.memory.c.value),
)


Sealed = tuple[_Kind, tuple[str, ...]]
"""A row with a secret: its column, and its primary key."""


class Vault:
    """The secrets of one store."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ring = KeyRing()

    def open(self, connection: Connection) -> int:
        """Read the keys, or make one; then seal what is still in the clear, and return how many rows that were.

        Raises: StoreError before anything is written.
        """
        self._ring = KeyRing(_keys(connection, self._path))
        if trouble := keyfile.exposed(self._path):
            log.warning("%s", trouble)
        _overwrite(connection, "ON")
        clear = sum(_seal_anew(connection, kind, self._ring, _in_the_clear(kind)) for kind in _KINDS)
        _overwrite(connection, "FAST")
        if clear:
            log.info("store.sealed rows=%d: secrets that were in the clear are encrypted now", clear)
        return clear

    # -- other keys, while the store is open: one step after the other, each in the writer's thread but for "use"

    def renewed(self, connection: Connection, fresh: bytes) -> list[bytes]:  # noqa: ARG002 - as every question to the store
        """Put one more key into the file, behind the others, and return them all; called again it changes nothing. Raises: StoreError."""
        keys = keyfile.read(self._path) or []
        if fresh not in keys:
            keyfile.write(self._path, [*keys, fresh])  # first: what is sealed must never be without its key
        return keyfile.read(self._path) or []

    def use(self, keys: Sequence[bytes]) -> None:
        """Seal with the last of these from now on; called where everything else is sealed, so that nothing older is written later."""
        self._ring = KeyRing(keys)

    def older(self, connection: Connection) -> list[Sealed]:
        """Return which rows hold secrets that are not sealed with the newest key."""
        newest = f"{MARK}{self._ring.newest}:"
        return [
            (kind, place[1:-1])
            for kind in _KINDS
            for place, text in _rows(connection, kind, _with_secrets(kind))
            if not text.startswith(newest)
        ]

    def reseal(self, connection: Connection, rows: Sequence[Sealed]) -> int:
        """Seal these rows with the newest key; returns how many that were, without those that do not open."""
        return sum(_seal_anew(connection, kind, self._ring, _these(kind, rows)) for kind in _KINDS)

    def reseal_all(self, connection: Connection) -> int:
        """Seal every secret with the newest key, in one transaction; returns as :meth:`reseal`."""
        return sum(_seal_anew(connection, kind, self._ring, _with_secrets(kind)) for kind in _KINDS)

    def needed(self, connection: Connection) -> list[bytes]:
        """Leave only those keys in the file that some row needs, and the newest; returns them. Raises: StoreError."""
        keys = keyfile.read(self._path) or []
        ring = KeyRing(keys)
        needed = {key_of(text) for kind in _KINDS for _, text in _rows(connection, kind, _is_sealed(kind))}
        left = [key for key, name in zip(keys, ring.names, strict=True) if name in needed | {ring.newest}]
        if left != keys:
            keyfile.write(self._path, left)
        return left

    # -- what the store asks

    def sealed_login(self, stored: StoredLogin) -> StoredLogin:
        """Return a login as it is written."""
        login = stored.login
        sealed = self._ring.seal(str(login.credentials), _of_login(stored))
        return msgspec.structs.replace(stored, login=msgspec.structs.replace(login, credentials=Secret(sealed)))

    def opened_login(self, stored: StoredLogin) -> StoredLogin:
        """Return a login as it was handed over; one that does not open is in trouble."""
        try:
            found = self._ring.open(str(stored.login.credentials), _of_login(stored))
        except CannotOpen as why:
            self._say(f"login.unreadable network={stored.network}", why)
            found = ""
            stored = msgspec.structs.replace(stored, trouble="the bridge cannot read it any more: log in anew")
        return msgspec.structs.replace(stored, login=msgspec.structs.replace(stored.login, credentials=Secret(found)))

    def sealed_preferences(self, stored: StoredPreferences) -> StoredPreferences:
        """Return preferences as they are written."""
        sealed = self._ring.seal(str(stored.chosen), _of_preferences(stored))
        return msgspec.structs.replace(stored, chosen=Secret(sealed))

    def opened_preferences(self, stored: StoredPreferences) -> StoredPreferences | None:
        """Return preferences as they were handed over; None for those that do not open."""
        try:
            return msgspec.structs.replace(
                stored, chosen=Secret(self._ring.open(str(stored.chosen), _of_preferences(stored)))
            )
        except CannotOpen as why:
            self._say(f"preferences.unreadable network={stored.network}", why)
            return None

    def sealed_text(self, network: Network, name: str, value: str) -> str:
        """Return a small text as it is written: sealed if it is a secret, or could be taken for something sealed."""
        if isinstance(value, Secret) or value.startswith(MARK):
            return self._ring.seal(str(value), _of_text(network, name))
        return value

    def opened_text(self, network: Network, name: str, value: str) -> str | None:
        """Return a small text as it was handed over; None for one that does not open."""
        try:
            return self._ring.open(value, _of_text(network, name))
        except CannotOpen as why:
            self._say(f"memory.unreadable network={network}", why)
            return None

    def _say(self, what: str, why: CannotOpen) -> None:
        log.error("%s: %s; the row stays: put the key back into %s and restart, or give it anew", what, why, self._path)


def _overwrite(connection: Connection, how: str) -> None:
    """Let SQLite overwrite what is deleted: always (ON), or where that makes it write no more pages (FAST)."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA secure_delete = {how}").close()


def wipe(connection: Connection) -> None:
    """Let SQLite's log go, which still holds what was overwritten."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").close()


def rotate(url: str, key_file: str, *, drop_old: bool = False) -> tuple[int, int]:
    """Make a new key and seal every secret with it; returns how many rows that were, and how many do not open.

    The bridge must not run; one that does has :meth:`bridge.storage.store.SqlStore.rotate_key`. Old keys stay in the file, for
    old copies of the store; with ``drop_old`` those go that no row needs.
    Raises: StoreError.
    """
    parsed = database.parse(url)
    path = keyfile.place(parsed, key_file)
    claim = database.Claim(parsed)
    try:
        with database.sentences(parsed), database.ready(database.engine_for(parsed), parsed, claim) as connection:
            enter(connection)
            vault = Vault(path)
            vault.use(vault.renewed(connection, fresh_key()))
            done = vault.reseal_all(connection)
            connection.commit()
            if drop_old:
                vault.use(vault.needed(connection))
            return done, len(vault.older(connection))
    finally:
        claim.release()


def wrong(connection: Connection, path: Path) -> list[str]:
    """Return what is wrong with the secrets of a store and its key file, one sentence each. Raises: StoreError."""
    try:
        keys = _keys(connection, path, make=False)
    except StoreError as error:
        return [str(error)]
    found = [trouble] if (trouble := keyfile.exposed(path)) else []
    lost = sum(1 for _ in _unreadable(connection, KeyRing(keys)))
    if lost:
        found.append(
            f"secrets in the store ({lost}) do not open with the keys of {path}: restore the key file from a copy"
        )
    return found


def _keys(connection: Connection, path: Path, *, make: bool = True) -> list[bytes]:
    """Return the keys of a store; a first one is made where nothing is sealed yet. Raises: StoreError."""
    keys = keyfile.read(path)
    if keys is not None:
        return keys
    sealed = sum(1 for kind in _KINDS for _ in _rows(connection, kind, _is_sealed(kind)))
    if sealed:
        msg = (
            f"the key file {path} is not there, and what is secret in the store ({sealed}) is encrypted with its keys: restore it from a "
            "copy, or say in store.key_file where it is; if it is lost for good, `linkspan db rotate-key` makes a new one, and "
            "users have to log in anew"
        )
        raise StoreError(msg)
    return keyfile.made(path) if make else []


def _unreadable(connection: Connection, ring: KeyRing) -> Iterator[Place]:
    for kind in _KINDS:
        for place, text in _rows(connection, kind, _is_sealed(kind)):
            try:
                ring.open(text, place)
            except CannotOpen:
                yield place


def _seal_anew(connection: Connection, kind: _Kind, ring: KeyRing, which: Condition) -> int:
    """Seal rows with the newest key; those that do not open stay as they are. Returns how many were sealed."""
    keys = list(kind.table.primary_key.columns)
    change = update(kind.table).where(and_(*(key == bindparam(f"of_{key.name}") for key in keys)))
    done = 0
    for place, text in list(_rows(connection, kind, which)):
        try:
            sealed = ring.seal(ring.open(text, place), place)
        except CannotOpen:
            continue
        named = {f"of_{key.name}": value for key, value in zip(keys, place[1:-1], strict=True)}
        connection.execute(change.values({kind.column.name: bindparam("sealed")}), {**named, "sealed": sealed})
        done += 1
    return done


def _rows(connection: Connection, kind: _Kind, which: Condition) -> Iterator[tuple[Place, str]]:
    found = select(*kind.table.primary_key.columns, kind.column).where(which)
    for *named, text in connection.execute(found).all():
        yield _place(kind, tuple(named)), text


def _these(kind: _Kind, rows: Sequence[Sealed]) -> Condition:
    """Return what is true of these rows of a table."""
    named = [name for each, name in rows if each is kind]
    return tuple_(*kind.table.primary_key.columns).in_(named)


def _begins(column: Column[str], *words: str) -> Condition:
    return or_(*(func.substr(column, 1, len(word)) == word for word in words))


def _is_sealed(kind: _Kind) -> Condition:
    return _begins(kind.column, MARK)


def _with_secrets(kind: _Kind) -> Condition:
    return or_(_is_sealed(kind), _in_the_clear(kind))


def _in_the_clear(kind: _Kind) -> Condition:
    clear = func.substr(kind.column, 1, len(MARK)) != MARK
    return and_(clear, _begins(tables.memory.c.name, *_CLEAR_ONCE)) if kind.table is tables.memory else clear


def _place(kind: _Kind, named: tuple[str, ...]) -> Place:
    return (kind.table.name, *named, kind.column.name)


def _of_login(stored: StoredLogin) -> Place:
    person = stored.login.person
    return _place(_KINDS[0], (stored.network, person.network, person.id))


def _of_preferences(stored: StoredPreferences) -> Place:
    return _place(_KINDS[1], (stored.network, stored.person.network, stored.person.id))


def _of_text(network: Network, name: str) -> Place:
    return _place(_KINDS[2], (network, name))
