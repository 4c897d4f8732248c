"""What commands tell: tables for people, JSON for programs. Pure; said by :mod:`bridge.commands`, printed by :mod:`bridge.cli`.

Details come from networks, so that whatever is not printable is left out: a nick cannot move the cursor.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from bridge.connector import Finding
from bridge.core.capabilities import Capabilities, Feature, Support
from bridge.core.commands import Table
from bridge.core.wording import columns as table
from bridge.core.wording import plain
from bridge.web.ports import (
    CommandDocument,
    DeadLetterDocument,
    DeliveryDocument,
    GatewayDocument,
    HookCallDocument,
    HookDocument,
    LinkDocument,
    LoginDocument,
    OptOutDocument,
    QueueDocument,
    SessionDocument,
    StatusDocument,
)


def as_json(value: Any) -> str:
    """Return a value as JSON for programs, indented for people who look all the same."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _listed(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    return Table(columns=headings, rows=tuple(rows))


def ago(milliseconds: int, *, now: float | None = None) -> str:
    """Return how long ago a moment was, in its largest unit: ``3 min``."""
    if not milliseconds:
        return "-"
    seconds = max(0, int((time.time() if now is None else now) - milliseconds / 1000))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def status(document: StatusDocument) -> str:
    """Return the bridge at a glance."""
    state = "ready" if document.ready else f"degraded: {', '.join(sorted(document.unready))}"
    networks = table(
        ("NETWORK", "CONNECTOR", "STATUS", "FOR", "PUPPETS", "DETAIL"),
        (
            (each.name, each.connector, each.status, ago(each.since), str(each.puppets.present), each.detail)
            for each in document.networks
        ),
    )
    parts = [f"linkspan {document.version}, {state}, up for {ago(document.started)}", networks]
    if document.gateway.rooms or any(document.gateway.refused.values()):
        parts.append(gateway(document.gateway))
    if document.links:
        parts.append(str(links(document.links)))
    if document.queues:
        parts.append(str(queues(document.queues)))
    if document.dead_letters:
        parts.append(f'{document.dead_letters} dead letters, see "linkspan deadletters list"')
    return "\n\n".join(parts)


def gateway(document: GatewayDocument) -> str:
    """Return in a line how hosted rooms are used."""
    bound = f" of {document.max_users}" if document.max_users else ""
    refused = ", ".join(f"{number} {why}" for why, number in document.refused.items() if number)
    line = f"hosted rooms: {document.rooms}, users: {document.users}{bound}"
    return f"{line}, refused so far: {refused}" if refused else line


def links(documents: Iterable[LinkDocument]) -> Table:
    """Return links, a line for each room."""
    return _listed(
        ("LINK", "ROOM", "STATE", "FROM", "DETAIL"),
        (
            (link.name, room.room, "open" if room.open else "closed", link.origin, room.reason)
            for link in documents
            for room in link.rooms
        ),
    )


def logins(documents: Iterable[LoginDocument]) -> Table:
    """Return users' logins."""
    return _listed(
        ("NETWORK", "USER", "NAME", "FOR", "DETAIL"),
        ((each.network, each.user, each.name, ago(each.at), each.trouble) for each in documents),
    )


def sessions(documents: Iterable[SessionDocument]) -> Table:
    """Return who is where."""
    return _listed(
        ("USER", "ROOM", "NICK", "STATE", "CLIENTS"),
        ((each.user, each.room, each.nick, each.state, str(len(each.clients) or "")) for each in documents),
    )


def opt_outs(documents: Iterable[OptOutDocument]) -> Table:
    """Return who wants nothing more from us, and who does again."""
    return _listed(
        ("NETWORK", "FROM", "TO", "SINCE", "WANTS", "BECAUSE OF"),
        (
            (each.network, each.ours, each.theirs, ago(each.at), "nothing" if each.out else "messages", each.why)
            for each in documents
        ),
    )


def hooks(documents: Iterable[HookDocument]) -> Table:
    """Return hooks, without their URLs: those were shown when they were made."""
    return _listed(
        ("HOOK", "ROOM", "NAME", "STATE", "FROM", "MADE", "USED", "EXPIRES"),
        (
            (
                each.id,
                each.room,
                each.name,
                f"{each.state}, rotating" if each.rotating else each.state,
                each.origin,
                ago(each.made),
                ago(each.used),
                day(each.expires),
            )
            for each in documents
        ),
    )


def commands(documents: Iterable[CommandDocument]) -> str:
    """Return what the bridge can be told to do."""
    return table(("COMMAND", "DOES"), ((each.usage, each.title) for each in documents))


def hook_calls(documents: Iterable[HookCallDocument]) -> Table:
    """Return what was sent to a hook."""
    return _listed(
        ("CALL", "AGE", "BYTES", "KEPT", "OUTCOME"),
        ((each.id, ago(each.at), str(each.size), "yes" if each.kept else "no", each.outcome) for each in documents),
    )


def day(milliseconds: int) -> str:
    """Return a moment as its date and minute, UTC; "-" for never."""
    if not milliseconds:
        return "-"
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(milliseconds / 1000))


def queues(documents: Iterable[QueueDocument]) -> Table:
    """Return what waits, a line for each room."""
    return _listed(
        ("QUEUE", "WAITING", "UNDER WAY", "OLDEST", "REASON"),
        (
            (each.room, f"{each.waiting}{'+' if each.more else ''}", str(each.flying), ago(each.oldest), each.reason)
            for each in documents
        ),
    )


def deliveries(documents: Iterable[DeliveryDocument]) -> Table:
    """Return what became of deliveries."""
    return _listed(
        ("ROOM", "WHAT", "STATE", "TRIES", "SAID", "REASON"),
        (
            (each.room, each.what, _state(each), str(each.attempts or ""), ago(each.at), each.reason)
            for each in documents
        ),
    )


def _state(document: DeliveryDocument) -> str:
    if document.state != "failed":
        return document.state
    return "failed" if document.certain else "failed (may have arrived)"


def dead_letters(documents: Iterable[DeadLetterDocument]) -> Table:
    """Return deliveries that were given up."""
    return _listed(
        ("KEY", "ROOM", "WHAT", "ARRIVED", "AGE", "REASON"),
        (
            (each.key, each.room, each.what, "no" if each.certain else "maybe", ago(each.at), each.reason)
            for each in documents
        ),
    )


class ConnectorDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An installed connector and what it can carry."""

    kind: str
    title: str
    package: str
    version: str
    trouble: str  # why it cannot be used, "" if it can
    capabilities: Capabilities | None


def connectors(documents: Sequence[ConnectorDocument]) -> str:
    """Return installed connectors, and below them what each can carry."""
    listed = table(
        ("CONNECTOR", "TITLE", "PACKAGE", "DETAIL"),
        ((each.kind, each.title, f"{each.package} {each.version}", each.trouble) for each in documents),
    )
    able = [(each.kind, each.capabilities) for each in documents if each.capabilities is not None]
    if not able:
        return listed
    rows = [
        ("people are", *(each.representation.value for _, each in able)),
        ("longest text", *(f"{each.text.size} {each.text.unit.value}" for _, each in able)),
        *((feature.value, *(each.support(feature).value for _, each in able)) for feature in Feature),
    ]
    return f"{listed}\n\n{table(('', *(kind for kind, _ in able)), rows)}"


_SUPPORT: Final = {
    Support.NATIVE: "yes",
    Support.FALLBACK: "in other words",
    Support.DROPPED: "left out",
    Support.REFUSED: "no, and the sender is told",
}


def crossing(able: Mapping[str, Capabilities]) -> str:
    """Return what can be carried to each network, as a Markdown table: the one of docs/users/what-crosses.md."""
    heads = ["", *able]
    rows = [heads, ["---"] * len(heads)]
    rows += [[feature.value, *(_carried(each, feature) for each in able.values())] for feature in Feature]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _carried(able: Capabilities, feature: Feature) -> str:
    form = able.forms.get(feature, "")
    return f"{_SUPPORT[able.support(feature)]}: {form}" if form else _SUPPORT[able.support(feature)]


def findings(found: Sequence[Finding]) -> str:
    """Return what ``linkspan check`` found, and what to do about it."""
    listed = table(
        ("", "WHAT", "FINDING"), (("ok" if each.ok else "FAIL", each.subject, each.detail) for each in found)
    )
    hints = [f"{plain(each.subject)}: {plain(each.hint)}" for each in found if each.hint and not each.ok]
    return "\n\n".join([listed, "\n".join(hints)]) if hints else listed
