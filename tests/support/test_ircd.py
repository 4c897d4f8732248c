"""The scripted server does what it is told, and nothing else."""

import asyncio

import pytest

from tests.support.ircd import Ircd


async def client_of(ircd):
    reader, writer = await asyncio.open_connection(ircd.host, ircd.port)
    return reader, writer, await ircd.accept()


async def test_lines_go_both_ways_byte_for_byte():
    async with Ircd() as ircd:
        reader, writer, peer = await client_of(ircd)
        writer.write(b"ONE :x\r\nTWO\r\nbroken\n")
        await peer.expect("ONE :x", "TWO")
        with pytest.raises(AssertionError, match="not a whole line"):
            await peer.line()
        peer.send("ä", b"\xff")
        peer.write(b"rest")
        peer.close()

        assert await reader.read() == b"\xc3\xa4\r\n\xff\r\nrest"
        writer.close()


async def test_what_was_not_expected_is_told():
    async with Ircd() as ircd:
        _, writer, peer = await client_of(ircd)
        writer.write(b"ONE\r\nTWO\r\nTHREE\r\n")
        with pytest.raises(AssertionError):
            await peer.expect("TWO")
        assert await peer.find("TH") == "THREE"
        writer.close()
        with pytest.raises(AssertionError, match="no line starts with"):
            await peer.find("FOUR")


async def test_registration_is_played_with_and_without_capabilities():
    async with Ircd() as ircd:
        reader, writer, peer = await client_of(ircd)
        writer.write(b"CAP LS 302\r\nNICK bob\r\nUSER u 0 * :Bob\r\n")
        writer.write(b"CAP REQ :a b\r\nCAP END\r\n")
        assert await peer.welcome(caps="a b=c", isupport="NICKLEN=9", nick="UID1") == "UID1"
        peer.close()
        assert (await reader.read()).decode().splitlines() == [
            ":irc.test CAP * LS :a b=c",
            ":irc.test CAP * ACK :a b",
            ":irc.test 001 UID1 :Welcome to the Test Network UID1!u@host.example",
            ":irc.test 002 UID1 :Your host is irc.test",
            ":irc.test 004 UID1 irc.test test-1 iw biklmnopstv",
            ":irc.test 005 UID1 NICKLEN=9 :are supported by this server",
            ":irc.test 422 UID1 :MOTD File is missing",
        ]
        writer.close()

        reader, writer, peer = await client_of(ircd)
        writer.write(b"NICK :al\r\nUSER u 0 * :Al\r\n")
        assert await peer.welcome() == "al"
        writer.close()
        assert await peer.closed() == []
        assert ircd.idle
