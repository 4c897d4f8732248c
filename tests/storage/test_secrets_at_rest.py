"""Secrets in the store: sealed for their row, under keys that a file holds; what happens without them; rotation."""

import asyncio
import logging
import os
import sqlite3
from functools import partial
from pathlib import Path

import pytest

from bridge.connector import Login, Secret
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.engine.ports import StoredLogin, StoredPreferences, StoreError
from bridge.storage import database, keyfile, sealing
from bridge.storage.seals import CannotOpen, KeyRing, fresh_key, key_of
from bridge.storage.store import SqlStore

LIBERA = Network("libera")
JULIET = Person(XMPP, PersonId("juliet@example.org"))
ROMEO = Person(XMPP, PersonId("romeo@example.org"))
PASSWORD = "wherefore-art-thou"
PLACE = ("logins", "libera", "xmpp", "juliet@example.org", "credentials")


# seals


@pytest.mark.parametrize("text", ["", PASSWORD, "ünïcode 💥", "sealed:00000000:AAAA", "x" * 100_000, "a\0b\nc"])
def test_what_is_sealed_opens_at_its_place_and_says_nothing(text: str) -> None:
    ring = KeyRing([fresh_key()])
    sealed = ring.seal(text, PLACE)
    assert ring.open(sealed, PLACE) == text
    assert PASSWORD not in sealed
    assert sealed != ring.seal(text, PLACE)  # never the same twice


@pytest.mark.parametrize(
    "other",
    [
        ("logins", "oftc", "xmpp", "juliet@example.org", "credentials"),
        ("logins", "libera", "xmpp", "romeo@example.org", "credentials"),
        ("preferences", "libera", "xmpp", "juliet@example.org", "credentials"),
        ("logins", "libera", "xmpp", "juliet@example.org", "name"),
        ("logins", "liberax", "mpp", "juliet@example.org", "credentials"),  # no two places are the same bytes
    ],
)
def test_what_was_moved_to_another_row_does_not_open(other: tuple[str, ...]) -> None:
    ring = KeyRing([fresh_key()])
    with pytest.raises(CannotOpen, match="moved here from another row"):
        ring.open(ring.seal(PASSWORD, PLACE), other)


@pytest.mark.parametrize(
    "spoil", [lambda s: s[:-4], lambda s: s[:-8] + "AAAA" + s[-4:], lambda s: s + "!", lambda s: s[:16]]
)
def test_what_was_damaged_does_not_open(spoil) -> None:
    ring = KeyRing([fresh_key()])
    with pytest.raises(CannotOpen):
        ring.open(spoil(ring.seal(PASSWORD, PLACE)), PLACE)


def test_the_newest_key_seals_and_older_ones_still_open() -> None:
    old, new = fresh_key(), fresh_key()
    sealed = KeyRing([old]).seal(PASSWORD, PLACE)
    ring = KeyRing([old, new])
    assert ring.open(sealed, PLACE) == PASSWORD
    assert key_of(ring.seal(PASSWORD, PLACE)) == KeyRing([new]).newest
    with pytest.raises(CannotOpen, match=f"key {key_of(sealed)}, which is not there"):
        KeyRing([new]).open(sealed, PLACE)


# key files


def test_a_key_file_is_for_its_owner_alone_and_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "linkspan.key"
    assert keyfile.read(path) is None
    before = os.umask(0)
    try:
        keys = keyfile.made(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keyfile.read(path) == keys
    keyfile.write(path, [*keys, fresh_key()])
    assert keyfile.read(path)[:1] == keys
    assert [each.name for each in tmp_path.iterdir()] == ["linkspan.key"]


def test_who_changes_the_keys_of_somebody_else_leaves_the_file_theirs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, given = tmp_path / "linkspan.key", []
    monkeypatch.setattr(os, "fchown", lambda _, *owner: given.append(owner))
    keys = keyfile.made(path)
    assert given == []
    keyfile.write(path, keys)
    assert given == [(path.stat().st_uid, path.stat().st_gid)]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "there is no key in it"),
        (b"# only words\n\n", "there is no key in it"),
        (b"# words\nc2hvcnQ=\n", "line 2 is no key"),
        (b"hello\n", "line 1 is no key"),
        (b"\xff\xfe\0\n", "line 1 is no key"),
    ],
)
def test_a_key_file_that_is_none_is_refused_by_name(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "linkspan.key"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=complaint) as error:
        keyfile.read(path)
    assert str(path) in str(error.value)
    assert path.read_bytes() == content


def test_where_no_key_file_can_be_made_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(
        StoreError, match=r"cannot be written: no such file or directory; store\.key_file says where else"
    ):
        keyfile.made(tmp_path / "nowhere" / "linkspan.key")


@pytest.mark.parametrize(
    ("url", "configured", "expected"),
    [
        ("sqlite:///var/linkspan.db", "", "var/linkspan.key"),
        ("sqlite:////srv/store.sqlite3", "", "/srv/store.key"),
        ("sqlite:////srv/store.key", "", "/srv/store.key.key"),
        ("postgresql://u:p@h/name", "", "linkspan.key"),
        ("postgresql://u:p@h/name", "/etc/linkspan/key", "/etc/linkspan/key"),
    ],
)
def test_the_key_file_is_beside_the_store_unless_said_otherwise(url: str, configured: str, expected: str) -> None:
    assert keyfile.place(database.parse(url), configured) == Path(expected)


# the store


def login(password: str = PASSWORD, person: Person = JULIET) -> StoredLogin:
    return StoredLogin(network=LIBERA, login=Login(person=person, name="juliet", credentials=Secret(password)), at=1)


def wrong_with(url: str, path: Path) -> list[str]:
    return database.look(url, partial(sealing.wrong, path=path))


def nowhere(secret: str, folder: Path) -> bool:
    return not any(secret.encode() in file.read_bytes() for file in folder.iterdir())


async def filled(url: str, **options: str) -> None:
    store = SqlStore(url, **options)
    await store.open()
    await store.keep_login(login())
    await store.keep_preferences(
        StoredPreferences(network=LIBERA, person=JULIET, chosen=Secret(f'{{"password":"{PASSWORD}"}}'), at=2)
    )
    await store.remember(LIBERA, "hook/1", Secret(PASSWORD))
    await store.remember(LIBERA, "topic", "open to all")
    await store.remember(LIBERA, "odd", "sealed:by somebody else")
    await store.close()


async def test_what_was_kept_is_read_again_and_stands_nowhere_in_the_clear(url: str, tmp_path: Path) -> None:
    await filled(url, key_file=str(tmp_path / "keys"))
    store = SqlStore(url, key_file=str(tmp_path / "keys"))
    await store.open()
    assert await store.logins() == [login()]
    assert [str(each.chosen) for each in await store.preferences()] == [f'{{"password":"{PASSWORD}"}}']
    assert await store.recall(LIBERA, "hook/1") == PASSWORD
    assert await store.recollect(LIBERA, "") == {
        "hook/1": PASSWORD,
        "topic": "open to all",
        "odd": "sealed:by somebody else",
    }
    await store.close()
    with database.engine_for(database.parse(url)).connect() as connection:
        rows = [
            str(row)
            for table in ("logins", "preferences", "memory")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}").all()
        ]
    assert not any(PASSWORD in row for row in rows)
    assert any("open to all" in row for row in rows)


async def test_no_byte_of_the_files_beside_a_store_holds_a_secret(tmp_path: Path) -> None:
    await filled(f"sqlite:///{tmp_path}/store.db")
    assert (tmp_path / "store.key").stat().st_mode & 0o777 == 0o600
    assert nowhere(PASSWORD, tmp_path)


async def test_what_an_older_version_kept_in_the_clear_is_sealed_and_wiped(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    database.upgrade(f"sqlite:///{path}")
    with sqlite3.connect(path) as old:
        old.execute(
            "INSERT INTO logins VALUES ('libera', 'xmpp', 'juliet@example.org', 'juliet', ?, 1, '')", [PASSWORD]
        )
        old.execute("INSERT INTO memory VALUES ('ci', 'hook/1', ?)", [PASSWORD])
        old.execute("INSERT INTO memory VALUES ('xmpp', 'stay #a%libera@b juliet@example.org', ?)", [PASSWORD])
        old.execute("INSERT INTO memory VALUES ('libera', 'topic', 'open to all')")
    old.close()
    store = SqlStore(f"sqlite:///{path}")
    await store.open()
    assert nowhere(PASSWORD, tmp_path)
    assert await store.logins() == [login()]
    assert await store.recall(Network("ci"), "hook/1") == PASSWORD
    assert await store.recall(LIBERA, "topic") == "open to all"
    await store.close()


async def test_a_store_with_secrets_does_not_open_without_its_key_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    await filled(url)
    kept = (tmp_path / "store.key").rename(tmp_path / "elsewhere")
    with pytest.raises(
        StoreError, match=r"is not there, and what is secret in the store \(4\) is encrypted with its keys: restore it"
    ) as error:
        await SqlStore(url).open()
    assert str(tmp_path / "store.key") in str(error.value)
    assert not (tmp_path / "store.key").exists()
    store = SqlStore(url, key_file=str(kept))
    await store.open()
    assert await store.logins() == [login()]
    await store.close()


async def test_rows_of_a_key_that_is_gone_are_said_and_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url, path = f"sqlite:///{tmp_path}/store.db", tmp_path / "store.key"
    await filled(url)
    right = path.read_text()
    keyfile.write(path, [fresh_key()])
    store = SqlStore(url)
    await store.open()
    [lost] = await store.logins()
    assert lost.trouble == "the bridge cannot read it any more: log in anew"
    assert lost.login.credentials == ""
    assert await store.preferences() == []
    assert await store.recall(LIBERA, "hook/1") is None
    assert await store.recall(LIBERA, "topic") == "open to all"
    assert f"put the key back into {path}" in caplog.text
    assert PASSWORD not in caplog.text
    await store.keep_login(login("another", ROMEO))
    await store.close()
    [wrong] = wrong_with(url, path)
    assert wrong == f"secrets in the store (4) do not open with the keys of {path}: restore the key file from a copy"
    path.write_text(right + path.read_text())
    store = SqlStore(url)
    await store.open()
    assert await store.logins() == [login(), login("another", ROMEO)]
    assert len(await store.preferences()) == 1
    await store.close()


async def test_a_key_file_that_others_may_read_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url, path = f"sqlite:///{tmp_path}/store.db", tmp_path / "store.key"
    await filled(url)
    assert wrong_with(url, path) == []
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        await filled(url)
    sentence = f"the key file {path} is open to others (mode 644): chmod 600 {path}"
    assert sentence in caplog.text
    assert wrong_with(url, path) == [sentence]


async def test_a_rotation_seals_everything_with_a_new_key(url: str, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    await filled(url, key_file=str(path))
    [old] = keyfile.read(path)
    assert sealing.rotate(url, str(path)) == (4, 0)
    keys = keyfile.read(path)
    assert keys[0] == old
    keyfile.write(path, keys[1:])  # the new one is enough
    store = SqlStore(url, key_file=str(path))
    await store.open()
    assert await store.logins() == [login()]
    assert await store.recall(LIBERA, "odd") == "sealed:by somebody else"
    await store.close()


async def test_old_keys_are_dropped_only_when_no_row_needs_them(tmp_path: Path) -> None:
    url, path = f"sqlite:///{tmp_path}/store.db", tmp_path / "store.key"
    await filled(url)
    assert sealing.rotate(url, "", drop_old=True) == (4, 0)
    assert len(keyfile.read(path)) == 1
    lost = keyfile.read(path)
    keyfile.write(path, [fresh_key()])  # the right one is lost
    assert sealing.rotate(url, "", drop_old=True) == (0, 4)
    assert len(keyfile.read(path)) == 1
    keyfile.write(path, [*lost, *keyfile.read(path)])
    store = SqlStore(url)
    await store.open()
    assert await store.logins() == [login()]
    await store.close()


@pytest.mark.parametrize("drop_old", [False, True])
async def test_a_key_is_changed_while_the_store_is_written_to(url: str, tmp_path: Path, *, drop_old: bool) -> None:
    path = tmp_path / "keys"
    await filled(url, key_file=str(path))
    [old] = keyfile.read(path)
    store = SqlStore(url, key_file=str(path))
    await store.open()
    for number in range(250):  # more than one transaction seals
        store.remember(LIBERA, f"before {number}", Secret(f"secret {number}"))

    async def write() -> None:
        for number in range(50):
            await store.remember(LIBERA, f"meanwhile {number}", Secret(f"secret {number}"))

    rotated, _ = await asyncio.gather(store.rotate_key(drop_old=drop_old), write())
    assert rotated.lost == 0
    assert rotated.sealed >= 254
    keys = keyfile.read(path)
    assert (old in keys, len(keys)) == (not drop_old, 1 if drop_old else 2)
    assert await store.recall(LIBERA, "before 7") == "secret 7"
    await store.remember(LIBERA, "behind", Secret("it"))
    await store.close()
    keyfile.write(path, keys[-1:])  # the new one is enough for all of it
    store = SqlStore(url, key_file=str(path))
    await store.open()
    assert await store.logins() == [login()]
    assert len(await store.recollect(LIBERA, "meanwhile ")) == 50
    assert len(await store.recollect(LIBERA, "before ")) == 250
    assert await store.recall(LIBERA, "behind") == "it"
    assert (await store.rotate_key()).lost == 0
    await store.close()


async def test_a_change_of_key_counts_what_does_not_open_and_takes_no_key_away_that_is_needed(tmp_path: Path) -> None:
    url, path = f"sqlite:///{tmp_path}/store.db", tmp_path / "store.key"
    await filled(url)
    lost = keyfile.read(path)
    keyfile.write(path, [fresh_key()])
    store = SqlStore(url)
    await store.open()
    rotated = await store.rotate_key(drop_old=True)
    assert (rotated.sealed, rotated.lost, len(keyfile.read(path))) == (0, 4, 1)
    keyfile.write(path, [*lost, *keyfile.read(path)])
    rotated = await store.rotate_key(drop_old=True)  # what was put back is found without a restart
    assert (rotated.sealed, rotated.lost, len(keyfile.read(path))) == (4, 0, 1)
    path.write_text("no key")
    with pytest.raises(StoreError, match="line 1 is no key"):
        await store.rotate_key()
    assert await store.logins() == [login()]
    await store.close()


async def test_a_rotation_of_a_store_that_is_in_use_is_left_to_who_uses_it(url: str, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    store = SqlStore(url, key_file=str(path))
    await store.open()
    before = path.read_text()
    with pytest.raises(database.InUse, match="in use by another process"):
        sealing.rotate(url, str(path))
    assert path.read_text() == before
    await store.close()
