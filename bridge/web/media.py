"""``/media/TOKEN/NAME`` on the public listener: files of networks, and very long texts, for whoever has the URL.

The token is all that counts; the name is for people, and for what a browser saves. What comes out can do nothing where it
is shown: it has the type that its bytes have, runs no scripts, and is shown in place only where it is a picture, sound,
film or plain text. Ranges are answered, since players ask for them. Called by :mod:`bridge.web.public`.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Final, Protocol
from urllib.parse import quote

import msgspec
from aiohttp import web

from bridge.connector import OpenFile, Unreadable
from bridge.core.content import Content
from bridge.engine.media import Media, file_name
from bridge.engine.ports import Shared
from bridge.web.answers import problem

PREFIX: Final = "/media/"
MOST: Final = 32
"""Files that are read by others at one time."""
SLOWEST: Final = 60.0
"""Seconds that somebody may take for one chunk."""
LARGEST: Final = 1 << 40
"""The bound is the operator's, which the hub knows."""

_PATH: Final = re.compile(r"/media/([A-Za-z0-9_-]{24})/[^/]*")
_RANGE: Final = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")
_SHOWN: Final = re.compile(r"image/(?:png|jpeg|gif|webp|avif|bmp)|audio/.+|video/.+|text/plain")
_HARMLESS: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "private, max-age=300",
}


class Site(Protocol):
    """What answers requests below a prefix of its own."""

    async def answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Answer; ``path`` is as it was sent, without the query."""


class Piece(msgspec.Struct, frozen=True):
    """Which bytes of a file are wanted: from ``first``, ``count`` of them (None: all that come)."""

    first: int
    count: int | None
    partial: bool = False


class MediaSite:
    """Answers for all media URLs."""

    def __init__(self, media: Media) -> None:
        self._media = media
        self._under_way = 0

    async def answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        """Answer one request."""
        if request.method not in {"GET", "HEAD"}:
            return _refused(HTTPStatus.METHOD_NOT_ALLOWED, "a file can only be read", Allow="GET, HEAD")
        token = _PATH.fullmatch(path)
        found = None if token is None else await self._media.find(token[1])
        if token is None or found is None:
            return _refused(HTTPStatus.NOT_FOUND, "there is nothing here, or not any more")
        shared, said = found
        if shared.file is None:
            return _page(said)
        if request.headers.get("If-None-Match") == f'"{token[1]}"':
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers={**_HARMLESS, "ETag": f'"{token[1]}"'})
        if self._under_way >= MOST:
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE, "too many files are being read", **{"Retry-After": "5"})
        self._under_way += 1
        try:
            return await self._file(request, shared, token[1])
        finally:
            self._under_way -= 1

    async def _file(self, request: web.BaseRequest, shared: Shared, token: str) -> web.StreamResponse:
        assert shared.file is not None
        response: web.StreamResponse | None = None
        try:
            async with self._media.open(shared.file, most=LARGEST) as opened:
                piece = wanted(request.headers, opened.size, tag=f'"{token}"')
                if piece is None:
                    about = {"Content-Range": f"bytes */{opened.size}"}
                    return _refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "it is not that long", **about)
                response = web.StreamResponse(status=HTTPStatus.PARTIAL_CONTENT if piece.partial else HTTPStatus.OK)
                response.headers.update(_about(opened, piece, name=file_name(shared.file), tag=f'"{token}"'))
                response.content_length = piece.count
                await response.prepare(request)
                if request.method == "GET":
                    await _write(response, _cut(opened.chunks, piece))
                return response
        except Unreadable as unreadable:
            if response is not None and response.prepared:
                _hang_up(request)  # a short body must not pass for the whole
                return response
            status = HTTPStatus.SERVICE_UNAVAILABLE if unreadable.for_now else HTTPStatus.NOT_FOUND
            return _refused(status, f"this file cannot be had: {unreadable.reason}")
        except TimeoutError:
            _hang_up(request)
            assert response is not None
            return response


def wanted(headers: Mapping[str, str], size: int | None, *, tag: str) -> Piece | None:
    """Return what a request wants of a file (RFC 9110 section 14): all, or one range; None for one that is not there."""
    asked = _RANGE.fullmatch(headers.get("Range", "").strip())
    if asked is None or size is None or headers.get("If-Range", tag) != tag:
        return Piece(0, size)
    first, last = asked.groups()
    if not first and not last:
        return Piece(0, size)
    start = int(first) if first else max(0, size - int(last))
    end = min(int(last) if first and last else size - 1, size - 1)
    if first and last and int(last) < start:
        return Piece(0, size)
    return Piece(start, end - start + 1, partial=True) if start <= end else None


def disposition(kind: str, name: str) -> str:
    """Return a Content-Disposition (RFC 6266): shown in place if that is harmless, else saved."""
    how = "inline" if _SHOWN.fullmatch(kind) else "attachment"
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _about(opened: OpenFile, piece: Piece, *, name: str, tag: str) -> dict[str, str]:
    kind = opened.media_type
    about = {
        **_HARMLESS,
        "Content-Type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
        "Content-Disposition": disposition(kind, name),
        "ETag": tag,
    }
    if opened.size is not None:
        about["Accept-Ranges"] = "bytes"
    if piece.partial and piece.count is not None:
        about["Content-Range"] = f"bytes {piece.first}-{piece.first + piece.count - 1}/{opened.size}"
    return about


def _page(said: Content | None) -> web.Response:
    headers = {**_HARMLESS, "Cache-Control": "no-store", "Content-Disposition": disposition("text/plain", "text.txt")}
    text = "" if said is None else said.text
    return web.Response(text=f"{text}\n", headers=headers, content_type="text/plain", charset="utf-8")


async def _cut(chunks: AsyncIterator[bytes], piece: Piece) -> AsyncIterator[bytes]:
    """Yield the bytes of a piece. Raises: Unreadable when there are too few."""
    skip, left = piece.first, piece.count
    async for chunk in chunks:
        rest = chunk[skip:]
        skip = max(0, skip - len(chunk))
        if left is not None:
            rest = rest[:left]
            left -= len(rest)
        if rest:
            yield rest
        if left == 0:
            return
    if left:
        raise Unreadable("it ended early", for_now=True)


async def _write(response: web.StreamResponse, chunks: AsyncIterator[bytes]) -> None:
    async for chunk in chunks:
        async with asyncio.timeout(SLOWEST):
            await response.write(chunk)


def _hang_up(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def _refused(status: HTTPStatus, detail: str, **headers: str) -> web.Response:
    response = problem(status, detail)
    response.headers.update(headers)
    return response
