"""Deliveries of services as files: a request as it is on the wire, and what a room reads of it.

One file is one delivery, its name a sentence::

    X-GitHub-Event: push                       headers; "?wait=true" and "PUT" stand on a line before them
                                               an empty line
    {"ref": "refs/heads/main", …}              the body; "Content-Type: application/json" unless a header says otherwise
    ======
    github push                                the format that recognises it, and the event
    branch: main                               every facet that is not empty, by name
                                               an empty line
    [octo/ferry] <bold>alice</> pushed …       what is said, with its styles; then "+ URL" for each attachment

Written by hand, in the shape that each service documents; no delivery of anybody's is in here.
"""

from pathlib import Path
from typing import NamedTuple

from bridge.connector import Request
from bridge.core.content import Content
from connectors.webhook.formats import recognised
from connectors.webhook.posting import Ignored, Posting
from connectors.webhook.submission import opened

FOLDER = Path(__file__).parents[1] / "connectors" / "webhook" / "deliveries"
_FACETS = ("name", "avatar", "branch", "labels", "severity", "edit_key", "closes", "delivery", "thread", "silent")


class Delivery(NamedTuple):
    """One file."""

    path: Path
    request: Request
    wanted: str


def deliveries() -> list[Delivery]:
    """Return all of them, in order."""
    return [_read(path) for path in sorted(FOLDER.glob("*/*.txt"))]


def _read(path: Path) -> Delivery:
    sent, _, wanted = path.read_text(encoding="utf-8").partition("\n======\n")
    head, _, body = sent.partition("\n\n")
    method, query, headers = "POST", "", []
    for line in head.splitlines():
        if line.startswith("?"):
            query = line[1:]
        elif ": " not in line:
            method = line
        else:
            name, _, value = line.partition(": ")
            headers.append((name.lower(), value))
    if not any(name == "content-type" for name, _ in headers) and body:
        headers.append(("content-type", "application/json"))
    if any("multipart/" in value for _, value in headers):
        body = body.replace("\n", "\r\n")
    request = Request(
        method=method, path="/hooks/1/x", query=query, headers=tuple(headers), body=body.encode(), remote="192.0.2.7"
    )
    return Delivery(path, request, wanted)


def read_as(request: Request) -> str:
    """Return how a request reads, as the second half of a file says it."""
    submission = opened(request)
    found = recognised(submission)
    read = found.read(submission)
    if isinstance(read, Ignored):
        return f"{found.name} {read.event}\n{_delivery_line(read)}\nignored: {read.reason}\n"
    return f"{found.name} {read.event}".rstrip() + f"\n{_facets(read)}\n{_said(read.content)}\n"


def _delivery_line(read: Ignored) -> str:
    return f"delivery: {read.delivery}\n" if read.delivery else ""


def _facets(posting: Posting) -> str:
    lines = []
    for name in _FACETS:
        value = getattr(posting, name)
        if value:
            lines.append(f"{name}: {', '.join(value) if isinstance(value, tuple) else value}\n")
    return "".join(lines)


def _said(content: Content) -> str:
    files = [f"+ {each.url or each.name}" for each in content.attachments]
    return "\n".join([shown(content), *files])


def shown(content: Content) -> str:
    """Write styles readably: ``<bold>x</>``."""
    marks: list[tuple[int, int, str]] = []
    for order, span in enumerate(content.spans):
        value = f" {span.value}" if span.value else ""
        marks += [(span.start, order, f"<{span.style}{value}>"), (span.end, -order - 1, "</>")]
    text = content.text
    for at, _, mark in sorted(marks, key=lambda each: (each[0], each[1]), reverse=True):
        text = text[:at] + mark + text[at:]
    return text
