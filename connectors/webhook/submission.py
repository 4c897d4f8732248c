"""A request of a hook, opened: headers by name, query, and what its body holds. No meaning yet, that is the formats'.

Bodies come as JSON, as a form (also one field ``payload`` or ``payload_json`` with JSON in it, as Slack and Discord clients
send), as multipart or as text, and a ``curl -d`` says "form" whatever it sends: so a body is taken for what it is, where
that can be told. Called by the connector; :func:`opened` is pure.
"""

import json
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from bridge.connector import Request
from bridge.core.content import Attachment
from bridge.core.text import clean_name
from connectors.webhook.posting import Malformed, UnknownType

DEEPEST: Final = 64
"""Levels of lists and objects in a JSON body."""
MOST_FIELDS: Final = 1_000
"""Fields of a form."""
MOST_PARTS: Final = 100
"""Parts of a form in multipart."""

_JSON_FIELDS: Final = ("payload", "payload_json", "data")
"""Fields of a form that hold the whole message as JSON: Slack and GitHub, Discord, Uptime Kuma."""
_FORM: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data"


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose body was decoded."""

    method: str
    headers: dict[str, str]  # by lower-case name; the first, where a name comes twice
    query: dict[str, str]
    body: bytes  # as it was sent
    media_type: str = ""
    fields: Any = None  # the JSON value, or a dict of a form's fields; None for a text
    text: str = ""  # of a body that is text
    packed: bool = False  # the JSON was a field of a form
    files: tuple[Attachment, ...] = ()  # of a multipart body: named, their bytes are not kept

    def header(self, name: str) -> str:
        """Return a header's value, "" where it is missing; ``name`` in lower case."""
        return self.headers.get(name, "")


def opened(request: Request) -> Submission:
    """Return the request with its body decoded. Raises: Malformed, UnknownType."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        headers.setdefault(name, value)
    kind = Message()
    kind["content-type"] = headers.get("content-type", "")
    media_type = kind.get_content_type() if "content-type" in headers else ""
    plain = Submission(
        method=request.method,
        headers=headers,
        query=_pairs(request.query),
        body=request.body,
        media_type=media_type,
    )
    if media_type == _MULTIPART:
        return _multipart(plain, kind.get_boundary() or "")
    return _decoded(plain, charset=kind.get_content_charset() or "utf-8")


def _decoded(plain: Submission, *, charset: str) -> Submission:
    media_type, body = plain.media_type, plain.body
    if media_type == "application/json" or media_type.endswith("+json"):
        return _with(plain, fields=decoded_json(body))
    if media_type not in {"", _FORM, "application/octet-stream"} and not media_type.startswith("text/"):
        raise UnknownType(media_type)
    if body.lstrip()[:1] in {b"{", b"["} and not body.startswith(b"payload="):
        guess = _guessed_json(body)
        if guess is not None:
            return _with(plain, fields=guess)
    text = _words(body, charset)
    if media_type == _FORM or (not media_type and _looks_like_a_form(text)):
        return _form(plain, text)
    return _with(plain, text=text)


def _with(plain: Submission, **changes: Any) -> Submission:
    return msgspec.structs.replace(plain, **changes)


def decoded_json(body: bytes | str, *, field: str = "body") -> Any:
    """Return the value of a JSON text. Raises: Malformed."""
    try:
        value = _decoded_value(body)
    except msgspec.DecodeError as error:
        raise Malformed(field, f"no JSON ({error})", "a JSON object") from None
    except RecursionError:
        raise Malformed(field, "JSON of very many levels", f"at most {DEEPEST}") from None
    except UnicodeError:
        raise Malformed(field, "text that is not UTF-8", "a JSON object") from None
    if _is_too_deep(value):
        raise Malformed(field, f"JSON of more than {DEEPEST} levels", f"at most {DEEPEST}")
    return value


def _decoded_value(body: bytes | str) -> Any:
    """Return the value of a JSON text; with halves of surrogate pairs in it, which some senders cut, it is JSON still."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        if b"\\ud" not in (body if isinstance(body, bytes) else body.encode()).lower():
            raise
    try:
        return json.loads(body)
    except ValueError as error:
        raise msgspec.DecodeError(str(error)) from None


def _guessed_json(body: bytes) -> Any:
    try:
        return decoded_json(body)
    except Malformed:
        return None


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.values()
            elif isinstance(each, list):
                below += each
        if not below:
            return False
        level = [each for each in below if isinstance(each, dict | list)]
    return bool(level)


def _words(body: bytes, charset: str) -> str:
    """Return bytes as text: UTF-8 if they can be, else what the sender says, else Latin-1, which every byte is."""
    for encoding in ("utf-8", charset):
        try:
            return body.decode(encoding)
        except (UnicodeError, LookupError):
            continue
    return body.decode("latin-1")


def _looks_like_a_form(text: str) -> bool:
    name, equals, _ = text.partition("=")
    return bool(equals) and name.isidentifier()


def _pairs(text: str) -> dict[str, str]:
    """Return the fields of a query or form; the first, where a name comes twice."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Malformed("body", "a form of very many fields", f"at most {MOST_FIELDS}") from None
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def _form(plain: Submission, text: str) -> Submission:
    """Open a form; without any "=" it was text all along, and curl called it a form."""
    if "=" not in text.partition("&")[0] or not _looks_like_a_form(text):
        return _with(plain, text=text)
    return _unpacked(plain, _pairs(text))


def _unpacked(plain: Submission, fields: dict[str, str]) -> Submission:
    """Open the one field of a form that holds everything, where there is one."""
    for name in _JSON_FIELDS:
        packed = fields.get(name, "").strip()
        if packed.startswith("{"):
            return _with(plain, fields=decoded_json(packed, field=name), packed=True)
    return _with(plain, fields=fields)


def _multipart(plain: Submission, boundary: str) -> Submission:
    if boundary and plain.body.count(f"--{boundary}".encode()) > MOST_PARTS + 1:
        raise Malformed("body", "a form of very many parts", f"at most {MOST_PARTS}")
    head = f"content-type: {plain.headers['content-type']}\r\n\r\n".encode("latin-1", "replace")
    whole = BytesParser(policy=HTTP).parsebytes(head + plain.body)
    if not whole.is_multipart():
        raise Malformed("body", "no parts", "multipart/form-data with the boundary that its header names")
    fields: dict[str, str] = {}
    files: list[Attachment] = []
    for part in whole.iter_parts():
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        name = part.get_param("name", header="content-disposition")
        file = part.get_filename()
        if file is not None:
            files.append(_file(file, part.get_content_type(), len(content)))
        elif isinstance(name, str) and len(fields) < MOST_FIELDS:
            fields.setdefault(name, _words(content, part.get_content_charset() or "utf-8"))
    return _unpacked(_with(plain, files=tuple(files)), fields)


def _file(name: str, media_type: str, size: int) -> Attachment:
    name = clean_name(name.replace("\\", "/").rpartition("/")[2]) or "file"
    return Attachment(url="", name=name[:200], media_type=media_type, size=size)
