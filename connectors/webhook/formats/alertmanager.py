"""Alertmanager's webhook receiver, version 4. Recognised by ``groupKey``, ``alerts`` and that version."""

from typing import Any

from bridge.core.content import Style
from connectors.webhook.draft import Draft
from connectors.webhook.fields import at, items, kind, text
from connectors.webhook.formats.alerts import (
    counts,
    delivery_of,
    is_firing,
    key_of,
    labels_of,
    name_of,
    severity_of,
    write_alerts,
)
from connectors.webhook.posting import Malformed, Posting
from connectors.webhook.submission import Submission


def recognises(submission: Submission) -> bool:
    """Tell by the shape of the body; Grafana's is like it, and is asked before."""
    fields = submission.fields
    return isinstance(at(fields, "alerts"), list) and ("groupKey" in fields or text(fields, "version") == "4")


def read(submission: Submission) -> Posting:
    """Return how a group of alerts is. Raises: Malformed."""
    return read_group(submission.fields)


def read_group(fields: Any) -> Posting:
    """Return how a group of alerts is. Raises: Malformed."""
    if not items(fields, "alerts"):
        raise Malformed("alerts", kind(at(fields, "alerts")), "a list with at least one alert")
    firing = any(is_firing(each) for each in items(fields, "alerts"))
    state = "firing" if firing else "resolved"
    how_many = counts(fields)
    draft = Draft().add("🔥 FIRING" if firing else "✅ RESOLVED", Style.BOLD).add(" ")
    draft.link(name_of(fields), text(fields, "externalURL"), Style.BOLD)
    draft.add(f" ({how_many})" if how_many else "")
    write_alerts(draft, fields)
    return Posting(
        content=draft.content(),
        event=state,
        labels=labels_of(fields),
        severity=severity_of(fields),
        edit_key=key_of(fields),
        closes=not firing,
        delivery=delivery_of(fields),
    )
