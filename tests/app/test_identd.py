"""identd: what servers ask and are told, and what nobody is (RFC 1413)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge import identd
from bridge.connector import Wire
from bridge.demo.processes import free_port
from bridge.identd import CannotIdentify, Identd

OURS = Wire(local="127.0.0.1", local_port=40_001, remote="127.0.0.1", remote_port=6667)


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ("6191, 23", (6191, 23)),
        ("6191,23\r", (6191, 23)),
        (" 6191 , 23 ", (6191, 23)),
        ("0, 99999", (0, 99_999)),
        ("6191", None),
        ("6191, 23, 24", None),
        ("-1, 23", None),
        ("1" * 40 + ", 23", None),
        ("\N{ARABIC-INDIC DIGIT ONE}, x", None),
        ("", None),
        ("GET / HTTP/1.1", None),
    ],
)
def test_a_question_is_a_pair_of_ports(line: str, pair: tuple[int, int] | None) -> None:
    assert identd.asked(line) == pair


@pytest.mark.parametrize(
    ("ours", "theirs", "name", "answer"),
    [
        (6191, 23, "x1a2b3c4d", "6191, 23 : USERID : UNIX : x1a2b3c4d"),
        (6191, 23, "", "6191, 23 : ERROR : NO-USER"),
        (0, 23, "x", "0, 23 : ERROR : INVALID-PORT"),
        (6191, 65_536, "x", "6191, 65536 : ERROR : INVALID-PORT"),
    ],
)
def test_the_answer_names_the_user_or_says_why_not(ours: int, theirs: int, name: str, answer: str) -> None:
    assert identd.answered(ours, theirs, name) == answer


@pytest.mark.parametrize(
    ("shown", "plain"), [("::ffff:192.0.2.7", "192.0.2.7"), ("192.0.2.7", "192.0.2.7"), ("2001:DB8::1", "2001:db8::1")]
)
def test_an_address_is_compared_as_its_own_family_writes_it(shown: str, plain: str) -> None:
    assert identd.plain(shown) == plain


@asynccontextmanager
async def listening(host: str = "127.0.0.1") -> AsyncIterator[int]:
    daemon = Identd(lambda wire: "x1a2b3c4d" if wire == OURS else "")
    await daemon.listen(host, 0)
    try:
        yield daemon.port
    finally:
        await daemon.close()


async def told(port: int, *data: bytes, here: str = "127.0.0.1") -> bytes:
    """Ask, and return everything that is said until we close, or are closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(here, 0))
    for each in data:
        writer.write(each)
    writer.write_eof()
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


async def test_the_server_at_the_other_end_is_told_as_often_as_it_asks() -> None:
    async with listening() as port:
        question = b"40001, 6667\r\n"
        answer = b"40001, 6667 : USERID : UNIX : x1a2b3c4d\r\n"
        assert await told(port, question, question) == answer * 2
        assert await told(port, b"40001, ", b"6667\n") == answer
        assert await told(port, b"40001, 6668\r\n") == b"40001, 6668 : ERROR : NO-USER\r\n"


async def test_every_address_is_one_of_both_families() -> None:
    async with listening("::") as port:
        assert await told(port, b"40001, 6667\r\n") == b"40001, 6667 : USERID : UNIX : x1a2b3c4d\r\n"


async def test_nobody_else_is_told() -> None:
    async with listening() as port:
        assert await told(port, b"40001, 6667\r\n", here="127.0.0.2") == b"40001, 6667 : ERROR : NO-USER\r\n"


@pytest.mark.parametrize(
    ("data", "answers"),
    [
        (b"what is this\r\n40001, 6667\r\n", 0),
        (b"x" * 3_000, 0),
        (b"1," + b" " * 2_000 + b"2\r\n", 0),
        (b"\xff\x00\r\n", 0),
        (b"1, 2\r\n" * 100, identd.QUESTIONS),
    ],
)
async def test_whoever_asks_too_much_or_nothing_is_cut_off(data: bytes, answers: int) -> None:
    async with listening() as port:
        try:
            said = await told(port, data)
        except ConnectionError:
            said = b""
        assert said.count(b"\r\n") <= answers


async def test_an_address_that_cannot_be_had_is_said_in_words() -> None:
    async with listening() as port:
        with pytest.raises(
            CannotIdentify, match=r"^identd\.listen: cannot listen on 127\.0\.0\.1:\d+: another program"
        ):
            await Identd(lambda _: "").listen("127.0.0.1", port)


async def test_a_port_that_was_given_up_is_free() -> None:
    port = free_port()
    daemon = Identd(lambda _: "")
    for _ in range(2):
        await daemon.listen("127.0.0.1", port)
        assert daemon.port == port
        await daemon.close()
    assert daemon.port == 0
