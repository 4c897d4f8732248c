"""Uptime Kuma's webhook notification. Recognised by ``heartbeat``, ``monitor`` and ``msg``; a test sends the first two as null.

One outage is one message: what comes up again corrects what went down.
"""

from typing import Any, Final

from bridge.core.content import Style
from connectors.webhook.draft import Draft, one_line
from connectors.webhook.fields import at, kind, number, table, text
from connectors.webhook.posting import Malformed, Posting
from connectors.webhook.submission import Submission

_STATES: Final = {
    0: ("🔴 DOWN", "down"),
    1: ("✅ UP", "up"),
    2: ("⏳ PENDING", "pending"),
    3: ("🔧 MAINTENANCE", "maintenance"),
}
_SEVERITIES: Final = {"down": "critical", "up": "ok", "pending": "warning"}


def recognises(submission: Submission) -> bool:
    """Tell by the three fields that it always sends."""
    fields = submission.fields
    return isinstance(fields, dict) and {"heartbeat", "monitor", "msg"} <= fields.keys()


def read(submission: Submission) -> Posting:
    """Return how a monitor is. Raises: Malformed."""
    fields = table(submission.fields)
    heartbeat, monitor = table(fields, "heartbeat"), table(fields, "monitor")
    words = text(fields, "msg")
    if not heartbeat:
        if not words:
            raise Malformed("msg", kind(at(fields, "msg")), "a text")
        return Posting(content=Draft().add(words).content(), event="test")
    sign, event = _STATES.get(_status(heartbeat), ("❔", "unknown"))
    name = one_line(text(monitor, "name"), 200) or "a monitor"
    draft = Draft().add(sign, Style.BOLD).add(" ").link(name, text(monitor, "url"), Style.BOLD)
    detail = one_line(text(heartbeat, "msg") or words)
    draft.add(f": {detail}" if detail else "")
    if (ping := number(heartbeat, "ping")) is not None:
        draft.add(f" ({ping:g} ms)")
    which = text(monitor, "id") or text(heartbeat, "monitorID") or name
    return Posting(
        content=draft.content(),
        event=event,
        severity=_SEVERITIES.get(event, ""),
        edit_key=f"monitor:{which}",
        closes=event == "up",
        delivery=f"{which} {text(heartbeat, 'time')}" if text(heartbeat, "time") else "",
    )


def _status(heartbeat: Any) -> int:
    found = number(heartbeat, "status")
    return -1 if found is None or found != found // 1 else int(found)
