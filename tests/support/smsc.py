"""A message centre that speaks SMPP 3.4, written for the tests from the specification: it shares no code with our side.

It checks what it is sent (section 5.2), answers as it is told to, sends receipts before or after its answer, and messages with or
without parts.
"""

import asyncio
import contextlib
import itertools
import struct
from collections.abc import Callable
from typing import Self

from bridge.demo.processes import free_port

BIND, SUBMIT, DELIVER, UNBIND, ENQUIRE = 0x9, 0x4, 0x5, 0x6, 0x15
RESPONSE = 0x8000_0000
OK, THROTTLED, WRONG_ADDRESS, WRONG_PASSWORD = 0x0, 0x58, 0xB, 0xE


class Smsc:
    """One centre; :attr:`got` has (receiver, data coding, header, body) of what it took."""

    def __init__(self, *, user: str = "linkspan", password: str = "smpp-pw") -> None:
        self.port = free_port()
        self.user, self.password = user, password
        self.got: list[tuple[str, int, bytes, bytes]] = []
        self.answers: list[int | None] = []  # a status, or None: take it and cut the connection
        self.receipts = ""  # "before", "after": when a receipt is sent
        self.hexadecimal = False  # receipts have the id in another base
        self.bound = asyncio.Event()
        self.acknowledged: list[int] = []
        self._ids = itertools.count(4711)
        self._numbers = itertools.count(1)
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Reset the connection."""
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = await reader.readexactly(16)
                length, command, status, number = struct.unpack("!IIII", head)
                body = await reader.readexactly(length - 16)
                answer = self._answers().get(command)
                if command & RESPONSE:
                    self.acknowledged.append(status)
                elif answer is not None:
                    answer(writer, number, body)
        if self._writer is writer:
            self._writer = None
            self.bound.clear()
        writer.close()

    def _answers(self) -> dict[int, Callable[[asyncio.StreamWriter, int, bytes], None]]:
        return {BIND: self._bind, SUBMIT: self._submit, ENQUIRE: self._enquire, UNBIND: self._enquire_unbind}

    def _bind(self, writer: asyncio.StreamWriter, number: int, body: bytes) -> None:
        user, password, *_ = body.split(b"\0")
        good = (user.decode(), password.decode()) == (self.user, self.password)
        self._send(writer, BIND | RESPONSE, OK if good else WRONG_PASSWORD, number, b"centre\0" if good else b"")
        if good:
            self._writer = writer
            self.bound.set()

    def _enquire(self, writer: asyncio.StreamWriter, number: int, _: bytes) -> None:
        self._send(writer, ENQUIRE | RESPONSE, OK, number, b"")

    def _enquire_unbind(self, writer: asyncio.StreamWriter, number: int, _: bytes) -> None:
        self._send(writer, UNBIND | RESPONSE, OK, number, b"")

    def _submit(self, writer: asyncio.StreamWriter, number: int, body: bytes) -> None:
        to, coding, esm_class, message, registered = _parsed(body)
        assert registered & 1, "a receipt is wanted"
        header = message[: message[0] + 1] if esm_class & 0x40 else b""
        data = message[len(header) :]
        assert len(data) + len(header) <= (160 if coding == 0 else 140), "more than fits"
        status = self.answers.pop(0) if self.answers else OK
        if status not in {OK, None}:
            self._send(writer, SUBMIT | RESPONSE, status or 0, number, b"")
            return
        self.got.append((to, coding, header, data))
        if status is None:
            writer.transport.abort()
            return
        id_ = next(self._ids)
        if self.receipts == "before":
            self.receipt(id_)
        self._send(writer, SUBMIT | RESPONSE, OK, number, f"{id_}\0".encode())
        if self.receipts == "after":
            self.receipt(id_)

    def receipt(self, id_: int, state: str = "DELIVRD") -> None:
        """Tell what became of a message (appendix B)."""
        written = format(id_, "X") if self.hexadecimal else str(id_)
        text = f"id:{written} sub:001 dlvrd:001 submit date:2611280720 done date:2611280721 stat:{state} err:000 text:x"
        self._deliver("15551230001", "15550009999", 0x04, 0, text.encode())

    def say(self, sender: str, text: str, *, header: bytes = b"") -> None:
        """Pass on a telephone's message, in UCS-2."""
        data = header + text.encode("utf-16-be")
        self._deliver(sender, "15550009999", 0x40 if header else 0, 8, data)

    def _deliver(self, source: str, to: str, esm_class: int, coding: int, data: bytes) -> None:
        assert self._writer is not None, "nobody is bound"
        kind = b"\1\1" if source.isdecimal() else b"\5\0"
        body = b"\0" + kind + source.encode() + b"\0\1\1" + to.encode() + b"\0"
        body += bytes([esm_class, 0, 0]) + b"\0\0" + bytes([0, 0, coding, 0, len(data)]) + data
        self._send(self._writer, DELIVER, 0, next(self._numbers), body)

    def _send(self, writer: asyncio.StreamWriter, command: int, status: int, number: int, body: bytes) -> None:
        writer.write(struct.pack("!IIII", 16 + len(body), command, status, number) + body)


def _parsed(body: bytes) -> tuple[str, int, int, bytes, int]:
    """Return receiver, coding, esm_class, message and registered_delivery of a submit_sm (section 4.4.1)."""
    at = body.index(0) + 1
    for _ in range(2):
        at += 2
        end = body.index(0, at)
        address, at = body[at:end].decode(), end + 1
    esm_class = body[at]
    at += 3
    for _ in range(2):
        at = body.index(0, at) + 1
    registered, coding, length = body[at], body[at + 2], body[at + 4]
    return address, coding, esm_class, body[at + 5 : at + 5 + length], registered
