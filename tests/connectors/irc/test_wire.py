"""Bytes to lines and back, by the vectors of irc-parser-tests (CC0, beside this file) and by properties."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from connectors.irc.connection.wire import (
    TAGS_IN,
    TAGS_OUT,
    TEXTS,
    Framer,
    Line,
    TooLong,
    decode,
    encode,
    parse,
    split_source,
)

VECTORS = Path(__file__).parent / "vectors"


def vectors(name: str) -> list[dict]:
    return yaml.safe_load((VECTORS / f"{name}.yaml").read_text())["tests"]


@pytest.mark.parametrize("vector", vectors("msg-split"), ids=lambda v: v["input"])
def test_splits_like_everybody(vector):
    atoms = vector["atoms"]

    line = parse(vector["input"].encode())

    assert line == Line(
        atoms.get("tags", {}), atoms.get("source", ""), atoms["verb"].upper(), [str(p) for p in atoms.get("params", [])]
    )


@pytest.mark.parametrize("vector", vectors("msg-join"), ids=lambda v: v["desc"])
def test_joins_like_everybody(vector):
    atoms = vector["atoms"]
    prefix = f":{atoms['source']} " if "source" in atoms else ""  # a client sends none
    verb = atoms["verb"]
    wanted = {match.replace(prefix, "", 1).replace(verb, verb.upper(), 1) for match in vector["matches"]}

    assert encode(verb.upper(), atoms.get("params", []), atoms.get("tags")).decode().removesuffix("\r\n") in wanted


@pytest.mark.parametrize("vector", vectors("userhost-split"), ids=lambda v: v["source"])
def test_splits_sources_like_everybody(vector):
    atoms = vector["atoms"]

    assert split_source(vector["source"]) == (atoms.get("nick", ""), atoms.get("user", ""), atoms.get("host", ""))


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"PING :x\r", Line({}, "", "PING", ["x"])),
        (b"PING x\r\r", Line({}, "", "PING", ["x"])),
        (b":a PRIVMSG #c :one\rQUIT\0two", Line({}, "a", "PRIVMSG", ["#c", "oneQUITtwo"])),
        (b":a QUIT", Line({}, "a", "QUIT", [])),
        (b":a PRIVMSG #c", Line({}, "a", "PRIVMSG", ["#c"])),
        (
            ":a PRIVMSG #c :\x1ditalic\x1f\u2028\x85".encode(),
            Line({}, "a", "PRIVMSG", ["#c", "\x1ditalic\x1f\u2028\x85"]),
        ),
        (b":a PRIVMSG \x1d#c\x1f \x0b", Line({}, "a", "PRIVMSG", ["\x1d#c\x1f", "\x0b"])),
        (b":a PRIVMSG #c :caf\xe9 \x80", Line({}, "a", "PRIVMSG", ["#c", "café €"])),
        (b":a PRIVMSG #c :\x81", Line({}, "a", "PRIVMSG", ["#c", "\x81"])),
        (b":a PRIVMSG #c :\xed\xa0\x80", Line({}, "a", "PRIVMSG", ["#c", "í\xa0€"])),
        ("@t=1 :😀!x@y PRIVMSG #c :😀".encode()[:-2], Line({"t": "1"}, "😀!x@y", "PRIVMSG", ["#c", ""])),
        (b"@a;=b;;c=d  :s  privmsg  #c  :x", Line({"a": "", "c": "d"}, "s", "PRIVMSG", ["#c", "x"])),
    ],
    ids=str,
)
def test_reads_what_servers_really_send(data, line):
    assert parse(data) == line


@pytest.mark.parametrize("data", [b"", b"\r", b" ", b":", b": ", b":a", b":a :b", b"@", b"@a", b"@a :b", b"\0"])
def test_a_line_without_command_is_none(data):
    assert parse(data) is None


@given(st.binary(max_size=200), st.sampled_from(["cp1252", "latin-1", "koi8-r", "shift_jis", "idna", "utf-16"]))
def test_reading_never_fails(data, fallback):
    line = parse(data, fallback)

    assert line is None or (line.command and not {"\r", "\0"} & set("".join([line.source, *line.params])))


def test_a_character_cut_by_the_server_does_not_spoil_the_line():
    assert decode("grüße 😀".encode()[:-1]) == "grüße "
    assert decode("caf\xe9".encode("latin-1")) == "café"


sendable = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]))
middles = sendable.filter(lambda p: p and " " not in p and p[0] != ":").map(lambda p: p[:40])
commands = st.from_regex(r"[A-Z]{1,10}|[0-9]{3}", fullmatch=True)
tag_maps = st.dictionaries(
    st.from_regex(r"\+?([a-z0-9.-]{1,9}/)?[A-Za-z0-9-]{1,9}", fullmatch=True), sendable, max_size=4
)


@given(commands, st.lists(middles, max_size=5), sendable, tag_maps)
def test_what_is_written_reads_the_same(command, params, last, tags):
    data = encode(command, [*params, last], tags, limit=100_000)

    assert parse(data) == Line(tags, "", command, [*params, last])


@given(st.text(), st.lists(st.text(), max_size=4), st.dictionaries(st.text(), st.text(), max_size=3))
def test_nothing_can_be_injected(command, params, tags):
    try:
        data = encode(command, params, tags)
    except ValueError:
        return

    assert data.endswith(b"\r\n")
    assert not {*b"\r\n\0"} & {*data[:-2]}
    data.decode()
    line = parse(data)
    assert (line.command, len(line.params), line.params[:-1]) == (command, len(params), params[:-1])


@given(st.sampled_from(sorted(TEXTS)), st.text(alphabet="a \r\n\0\x01\u2028\x85\ud800:"))
def test_text_for_people_is_always_written(command, text):
    data = encode(command, ["#c", text])

    assert data.startswith(f"{command} #c :".encode())
    assert parse(data).text == "".join(" " if c in "\r\n\0\ud800" else c for c in text)


@pytest.mark.parametrize(
    ("command", "params"),
    [
        ("", []),
        ("privmsg", ["#c", "x"]),
        ("PING\r\nQUIT", []),
        ("PRIVMSG #c", ["x"]),
        ("PRIVMSG", ["", "x"]),
        ("PRIVMSG", [":#c", "x"]),
        ("PRIVMSG", ["#c d", "x"]),
        ("PRIVMSG", ["#c\rQUIT", "x"]),
        ("PRIVMSG", ["#c\0", "x"]),
        ("PRIVMSG", ["#c\n", "x"]),
        ("JOIN", ["#c\r\nQUIT"]),
        ("JOIN", ["#c\0"]),
        ("NICK", ["\ud83d"]),
        ("MODE", ["#c", "+k", "a b", "x"]),
    ],
)
def test_what_cannot_be_written_is_refused(command, params):
    with pytest.raises(ValueError, match="not a"):
        encode(command, params)


@pytest.mark.parametrize("key", ["", "a b", "a;b", "a=b", "+", "a\r\n", "ä", "+a/", "@a"])
def test_a_tag_key_that_cannot_be_written_is_refused(key):
    with pytest.raises(ValueError, match="not a tag key"):
        encode("TAGMSG", ["#c"], {key: "x"})


def test_tags_have_their_own_limit():
    fits = encode("PRIVMSG", ["#c", "x" * 490], {"+a": "x" * (TAGS_OUT - 3)})

    assert len(fits) == TAGS_OUT + 2 + len("PRIVMSG #c :\r\n") + 490
    with pytest.raises(TooLong):
        encode("TAGMSG", ["#c"], {"+a": ";" * (TAGS_OUT // 2)})


def test_a_message_that_is_too_long_is_refused_whole():
    assert len(encode("PRIVMSG", ["#c", "é" * 249])) == 512
    with pytest.raises(TooLong):
        encode("PRIVMSG", ["#c", "é" * 249 + "x"])
    with pytest.raises(TooLong):
        encode("JOIN", ["#" + "x" * 600])


def test_other_texts_are_cut_between_characters():
    assert encode("AWAY", ["xé" + "é" * 300]) == b"AWAY :x" + "é".encode() * 251 + b"\r\n"
    assert encode("QUIT", ["x" * 5000], limit=2048) == b"QUIT :" + b"x" * 2040 + b"\r\n"


def test_frames_come_out_however_the_bytes_arrive():
    data = b"one\r\ntwo\n\nthree\r\nfo"
    whole = Framer().feed(data)
    framer = Framer()

    assert whole == [b"one\r", b"two", b"", b"three\r"]
    assert [line for i in range(len(data)) for line in framer.feed(data[i : i + 1])] == whole
    assert framer.feed(b"ur\n") == [b"four"]


@pytest.mark.parametrize("step", [1000, 8700, 100_000, 300_000])
def test_an_endless_line_is_skipped_and_nothing_is_kept_of_it(step):
    data = (
        b"PING 1\n" + b"x" * 200_000 + b"\nPING 2\n" + b"@" + b"t" * (TAGS_IN - 2) + b" " + b"y" * 500 + b"\nPING 3\n"
    )
    framer = Framer()
    lines = []
    for i in range(0, len(data), step):
        lines += framer.feed(data[i : i + step])
        assert len(framer._rest) <= TAGS_IN + 512

    assert [line[:6] for line in lines] == [b"PING 1", b"PING 2", b"@" + b"t" * 5, b"PING 3"]
