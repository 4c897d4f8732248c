"""Groups of alerts, as Alertmanager posts them and Grafana after it. Called by both formats.

A group is one message, from firing to resolved: what is wrong stands in it, and what is over. Nothing about the shape is
sure: alerts come without a name, without labels, without a state.
"""

from collections.abc import Iterator
from typing import Any, Final

from bridge.core.content import Style
from bridge.core.ids import digest
from connectors.webhook.draft import Draft, one_line, web_url
from connectors.webhook.fields import at, items, number, table, text
from connectors.webhook.markup import MARKDOWN, styled

_MOST: Final = 10
_MOST_SHOWN: Final = 3
_TELLING: Final = ("summary", "message", "description", "title")
_WORST: Final = ("critical", "emergency", "page", "error", "high", "major", "warning", "minor", "low", "info")
_UNTOLD: Final = {"alertname", "severity", "grafana_folder", "monitor", "prometheus"}
"""Labels that say nothing about which one it is."""


def name_of(fields: Any) -> str:
    """Return what the alerts of a group are called, "alert" where nobody says."""
    for where in ("groupLabels", "commonLabels"):
        if found := one_line(text(fields, where, "alertname"), 200):
            return found
    names = {one_line(text(each, "labels", "alertname"), 200) for each in items(fields, "alerts")} - {""}
    if len(names) == 1:
        return names.pop()
    group = table(fields, "groupLabels")
    told = ", ".join(one_line(f"{key}={text(group, key)}", 80) for key in list(group)[:_MOST_SHOWN])
    return told or (f"{len(names)} alerts" if names else "alert")


def severity_of(fields: Any) -> str:
    """Return the worst severity of a group."""
    found = [text(fields, "commonLabels", "severity")]
    found += [text(each, "labels", "severity") for each in items(fields, "alerts")]
    known = {one_line(each, 50).lower() for each in found} - {""}
    return next((each for each in _WORST if each in known), min(known, default=""))


def labels_of(fields: Any) -> tuple[str, ...]:
    """Return what all alerts of the group have in common, as ``team=infra``."""
    common = table(fields, "commonLabels")
    return tuple(one_line(f"{name}={text(common, name)}", 200) for name in list(common)[:50])


def is_firing(alert: Any) -> bool:
    """Tell whether an alert stands; one that does not say so, does."""
    return text(alert, "status").lower() != "resolved"


def delivery_of(fields: Any) -> str:
    """Return an id for a delivery that has none: the same group in the same state."""
    states = sorted(
        (
            text(each, "fingerprint") or digest(*_flat(table(each, "labels"))),
            text(each, "status"),
            text(each, "startsAt"),
        )
        for each in items(fields, "alerts")
    )
    return digest(text(fields, "groupKey"), text(fields, "status"), *(part for state in states for part in state))


def key_of(fields: Any) -> str:
    """Return what stands for the group in each of its deliveries."""
    return f"alerts:{digest(text(fields, 'groupKey') or name_of(fields), *_flat(table(fields, 'groupLabels')))}"


def write_alerts(draft: Draft, fields: Any) -> None:
    """Write a line for each alert, those that stand first."""
    alerts = sorted(items(fields, "alerts"), key=lambda each: not is_firing(each))
    for alert in alerts[:_MOST]:
        _alert(draft.line(), alert, common=table(fields, "commonLabels"))
    more = len(alerts) - _MOST + int(number(fields, "truncatedAlerts") or 0)
    if more > 0 and alerts:
        draft.line().add(f"and {more} more")


def counts(fields: Any) -> str:
    """Return how many of how many stand: "2", "2 of 3", "" for one alone."""
    alerts = items(fields, "alerts")
    firing = sum(1 for each in alerts if is_firing(each))
    if len(alerts) < 2:
        return ""
    return f"{firing} of {len(alerts)}" if 0 < firing < len(alerts) else str(len(alerts))


def _alert(draft: Draft, alert: Any, *, common: Any) -> None:
    firing = is_firing(alert)
    draft.add("• " if firing else "✅ ")
    which = _which(alert, common)
    where = text(alert, "dashboardURL") or text(alert, "generatorURL")
    told = next((words for name in _TELLING if (words := text(alert, "annotations", name).strip())), "")
    if which:
        draft.link(which, where)
    if told:
        draft.add(": " if which else "").take(styled(one_line(told), MARKDOWN))
    elif not which:
        draft.link(one_line(text(alert, "labels", "alertname"), 200) or "alert", where)
    value = one_line(text(alert, "valueString"), 100) if not told else ""
    if value:
        draft.add(f" {value}")
    if not firing:
        draft.add(" (resolved)")
    for name, words in (("runbook_url", "runbook"), ("runbook", "runbook")):
        if url := web_url(text(alert, "annotations", name)):
            draft.add(" ").link(words, url, Style.ITALIC)
            return


def _which(alert: Any, common: Any) -> str:
    """Return what tells this alert from the others of its group."""
    labels = table(alert, "labels")
    own = [name for name in labels if name not in _UNTOLD and at(common, name) != at(labels, name)]
    names = own or [name for name in ("instance", "job", "service", "host") if name in labels]
    values = [text(labels, name) for name in names[:_MOST_SHOWN]]
    if len(values) == 1:
        return one_line(values[0], 100)
    return one_line(", ".join(f"{name}={value}" for name, value in zip(names, values, strict=False)), 200)


def _flat(labels: Any) -> Iterator[str]:
    for name in sorted(labels):
        yield name
        yield text(labels, name)
