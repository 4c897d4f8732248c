"""What both listeners answer with: JSON, and a document that says what went wrong (RFC 9457)."""

from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web

from bridge.web.ports import ProblemDocument


def as_json(value: Any, *, status: int = HTTPStatus.OK) -> web.Response:
    """Return an answer with a value in it."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


def problem(status: HTTPStatus, detail: str) -> web.Response:
    """Return an answer that says what is wrong, in a sentence for whoever asked."""
    document = ProblemDocument(title=status.phrase, status=status, detail=detail)
    return web.Response(body=msgspec.json.encode(document), status=status, content_type="application/problem+json")
