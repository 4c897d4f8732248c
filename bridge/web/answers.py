"""What both listeners answer with: JSON, and a document that says what went wrong (RFC 9457)."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from bridge.web.ports import FieldProblem, ProblemDocument, Refused

T = TypeVar("T", bound=msgspec.Struct)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def body_of(request: web.Request, kind: type[T]) -> T:
    """Return what was sent. Raises: Refused for what is something else."""
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(str(error), status=HTTPStatus.BAD_REQUEST) from None


async def object_of(request: web.Request) -> dict[str, Any]:
    """Return the object that was sent; no body is an empty one. Raises: Refused for what is something else."""
    sent = await request.read()
    try:
        return msgspec.json.decode(sent, type=dict[str, Any]) if sent.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(str(error), status=HTTPStatus.BAD_REQUEST) from None


def as_json(value: Any, *, status: int = HTTPStatus.OK) -> web.Response:
    """Return an answer with a value in it."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def problem(status: HTTPStatus, detail: str, *, errors: tuple[FieldProblem, ...] = ()) -> web.Response:
    """Return an answer that says what is wrong, in a sentence for whoever asked, and with it each field that is."""
    document = ProblemDocument(title=status.phrase, status=status, detail=detail, errors=errors)
    return web.Response(body=msgspec.json.encode(document), status=status, content_type="application/problem+json")
