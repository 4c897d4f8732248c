"""The admin API from outside: what ``linkspan status``, ``links add`` and all other commands ask the running bridge.

Standard library only and synchronous, since a command asks once and ends. Called by :mod:`bridge.cli`.
"""

import http.client
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from bridge.web.ports import (
    AnswerDocument,
    CommandDocument,
    FieldProblem,
    ProblemDocument,
    Said,
    StatusDocument,
)

_PATIENCE: Final = 15.0
_WORK: Final = 60.0
"""Seconds for what takes its time: a login is tried, a configuration is applied."""
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}  # noqa: S104 - compared with, not listened on

T = TypeVar("T")


class AdminError(Exception):
    """The bridge cannot be asked, or says no; the text is a sentence for an operator."""

    def __init__(self, text: str, *, wrong: bool = False, errors: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(text)
        self.errors = errors  # the same, field by field, where it is about fields
        self.wrong = wrong  # what was asked makes no sense, whatever the state of the bridge


class Unreachable(AdminError):
    """Nobody answers: the bridge does not run, or listens elsewhere."""


class AdminClient:
    """Asks one bridge."""

    def __init__(self, *, host: str, port: int, token: str, patience: float = _PATIENCE) -> None:
        """``patience``: seconds for which the bridge may say nothing."""
        self._patience = patience
        self._host = _ANYWHERE.get(host, host)
        self._port = port
        self._token = token

    def status(self) -> StatusDocument:
        """Return everything at a glance."""
        return self._ask("GET", "status", result=StatusDocument)

    def commands(self) -> list[CommandDocument]:
        """Return all commands."""
        return self._ask("GET", "commands", result=list[CommandDocument])

    def say(self, words: Sequence[str]) -> AnswerDocument:
        """Have the bridge do what the words of a line say."""
        return self._ask("POST", "commands", body=Said(words=tuple(words)), result=AnswerDocument)

    def call(self, name: str, given: Mapping[str, object]) -> AnswerDocument:
        """Have the bridge do what a command does, with these values."""
        return self._ask(
            "POST", f"commands/{quote(name.replace(' ', '-'), safe='')}", body=given, result=AnswerDocument
        )

    def _ask(self, method: str, path: str, *, body: Any = None, result: type[T]) -> T:
        status, content = self._exchange(method, f"/api/v1/{path}", body)
        if status >= http.HTTPStatus.BAD_REQUEST:
            wrong = status == http.HTTPStatus.BAD_REQUEST
            problem = self._problem(status, content)
            raise AdminError(problem.detail, wrong=wrong, errors=problem.errors)
        try:
            return msgspec.json.decode(content, type=result)
        except msgspec.DecodeError:
            msg = f"what answers at {self._host}:{self._port} is not this version of linkspan"
            raise AdminError(msg) from None

    def _exchange(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._patience)
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            connection.connect()
            if method == "POST" and connection.sock is not None:
                connection.sock.settimeout(max(self._patience, _WORK))
            connection.request(method, path, None if body is None else msgspec.json.encode(body), headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "no answer"
            msg = f"http.admin_listen: no bridge answers at {self._host}:{self._port} ({why.lower()}); is it running?"
            raise Unreachable(msg) from None
        finally:
            connection.close()

    def _problem(self, status: int, content: bytes) -> ProblemDocument:
        try:
            return msgspec.json.decode(content, type=ProblemDocument)
        except (msgspec.DecodeError, UnicodeDecodeError):
            detail = f"what answers at {self._host}:{self._port} is not linkspan, or is broken (HTTP status {status})"
            return ProblemDocument(title="", status=status, detail=detail)
