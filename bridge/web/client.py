"""The admin API from outside: what ``linkspan status``, ``links``, ``logins`` and ``deadletters`` ask the running bridge.

Standard library only and synchronous, since a command asks once and ends. Called by :mod:`bridge.cli`.
"""

import http.client
from collections.abc import Sequence
from typing import Any, Final, TypeVar, overload
from urllib.parse import quote

import msgspec

from bridge.web.ports import (
    AnswerDocument,
    Chosen,
    CommandDocument,
    DeadLetterDocument,
    DeliveryDocument,
    Done,
    HookCallDocument,
    HookDocument,
    HookUrlDocument,
    LinkDocument,
    LoginDocument,
    NewHook,
    NewLink,
    NewSecret,
    OptOutDocument,
    Paused,
    ProblemDocument,
    Replayed,
    Said,
    SaidDocument,
    StatusDocument,
)

_PATIENCE: Final = 15.0
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}  # noqa: S104 - compared with, not listened on

T = TypeVar("T")


class AdminError(Exception):
    """The bridge cannot be asked, or says no; the text is a sentence for an operator."""

    def __init__(self, text: str, *, wrong: bool = False) -> None:
        super().__init__(text)
        self.wrong = wrong  # what was asked makes no sense, whatever the state of the bridge


class Unreachable(AdminError):
    """Nobody answers: the bridge does not run, or listens elsewhere."""


class AdminClient:
    """Asks one bridge."""

    def __init__(self, *, host: str, port: int, token: str) -> None:
        self._host = _ANYWHERE.get(host, host)
        self._port = port
        self._token = token

    def status(self) -> StatusDocument:
        """Return everything at a glance."""
        return self._ask("GET", "status", result=StatusDocument)

    def links(self) -> list[LinkDocument]:
        """Return all links."""
        return self._ask("GET", "links", result=list[LinkDocument])

    def add_link(self, link: NewLink) -> LinkDocument:
        """Make a link."""
        return self._ask("POST", "links", body=link, result=LinkDocument)

    def remove_link(self, name: str) -> None:
        """Take back a link."""
        self._ask("DELETE", f"links/{quote(name, safe='')}")

    def opt_outs(self, *, history: bool) -> list[OptOutDocument]:
        """Return who wants nothing more from us, or every change of mind."""
        return self._ask("GET", "optouts?history=true" if history else "optouts", result=list[OptOutDocument])

    def logins(self) -> list[LoginDocument]:
        """Return all logins."""
        return self._ask("GET", "logins", result=list[LoginDocument])

    def remove_login(self, network: str, user: str) -> None:
        """Forget a login."""
        self._ask("DELETE", f"logins/{quote(network, safe='')}/{quote(user, safe='')}")

    def deliveries(self, room: str = "", message: str = "") -> list[DeliveryDocument]:
        """Return what is not confirmed, or what has become of one message."""
        asked = f"?room={quote(room, safe='')}&message={quote(message, safe='')}" if room else ""
        return self._ask("GET", f"deliveries{asked}", result=list[DeliveryDocument])

    def dead_letters(self) -> list[DeadLetterDocument]:
        """Return deliveries that were given up."""
        return self._ask("GET", "deadletters", result=list[DeadLetterDocument])

    def retry(self, chosen: Chosen) -> int:
        """Put dead letters back into the outbox; returns how many."""
        return self._ask("POST", "deadletters/retry", body=chosen, result=Done).count

    def discard(self, chosen: Chosen) -> int:
        """Delete dead letters; returns how many."""
        return self._ask("POST", "deadletters/discard", body=chosen, result=Done).count

    def commands(self) -> list[CommandDocument]:
        """Return all commands."""
        return self._ask("GET", "commands", result=list[CommandDocument])

    def say(self, words: Sequence[str]) -> AnswerDocument:
        """Have the bridge do what the words of a line say."""
        return self._ask("POST", "commands", body=Said(words=tuple(words)), result=AnswerDocument)

    def hooks(self) -> list[HookDocument]:
        """Return all hooks."""
        return self._ask("GET", "hooks", result=list[HookDocument])

    def create_hook(self, hook: NewHook) -> HookUrlDocument:
        """Make a hook; returns its URL, which is shown this once."""
        return self._ask("POST", "hooks", body=hook, result=HookUrlDocument)

    def rotate_hook(self, hook: str, order: NewSecret) -> HookUrlDocument:
        """Give a hook another secret; returns its URL, which is shown this once."""
        return self._ask("POST", f"hooks/{quote(hook, safe='')}/rotate", body=order, result=HookUrlDocument)

    def pause_hook(self, hook: str, order: Paused) -> None:
        """Silence a hook, or let it speak again."""
        self._ask("POST", f"hooks/{quote(hook, safe='')}/pause", body=order)

    def revoke_hook(self, hook: str) -> None:
        """Take a hook back for good."""
        self._ask("DELETE", f"hooks/{quote(hook, safe='')}")

    def test_hook(self, hook: str) -> SaidDocument:
        """Let a hook say something."""
        return self._ask("POST", f"hooks/{quote(hook, safe='')}/test", result=SaidDocument)

    def hook_calls(self, hook: str) -> list[HookCallDocument]:
        """Return what was sent to a hook lately, newest first."""
        return self._ask("GET", f"hooks/{quote(hook, safe='')}/calls", result=list[HookCallDocument])

    def replay_hook(self, hook: str, order: Replayed) -> SaidDocument:
        """Say once more what was sent."""
        return self._ask("POST", f"hooks/{quote(hook, safe='')}/replay", body=order, result=SaidDocument)

    @overload
    def _ask(self, method: str, path: str, *, body: Any = None) -> None: ...
    @overload
    def _ask(self, method: str, path: str, *, body: Any = None, result: type[T]) -> T: ...
    def _ask(self, method: str, path: str, *, body: Any = None, result: Any = None) -> Any:
        status, content = self._exchange(method, f"/api/v1/{path}", body)
        if status >= http.HTTPStatus.BAD_REQUEST:
            reason = self._reason(status, content)
            raise AdminError(reason, wrong=status == http.HTTPStatus.BAD_REQUEST)
        if result is None:
            return None
        try:
            return msgspec.json.decode(content, type=result)
        except msgspec.DecodeError:
            msg = f"what answers at {self._host}:{self._port} is not this version of linkspan"
            raise AdminError(msg) from None

    def _exchange(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_PATIENCE)
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            connection.request(method, path, None if body is None else msgspec.json.encode(body), headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or "no answer"
            msg = f"http.admin_listen: no bridge answers at {self._host}:{self._port} ({why.lower()}); is it running?"
            raise Unreachable(msg) from None
        finally:
            connection.close()

    def _reason(self, status: int, content: bytes) -> str:
        try:
            return msgspec.json.decode(content, type=ProblemDocument).detail
        except (msgspec.DecodeError, UnicodeDecodeError):
            return f"what answers at {self._host}:{self._port} is not linkspan, or is broken (HTTP status {status})"
