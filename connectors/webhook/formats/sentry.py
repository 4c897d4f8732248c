"""Sentry's integration platform: issues, alerts, comments. Recognised by ``Sentry-Hook-Resource``."""

from collections.abc import Callable
from typing import Any, Final

from bridge.core.content import Style
from connectors.webhook.draft import Draft, one_line
from connectors.webhook.fields import table, text
from connectors.webhook.formats.forge import write_excerpt
from connectors.webhook.posting import Ignored, Malformed, Posting
from connectors.webhook.submission import Submission

_SIGNS: Final = {"critical": "🔥 CRITICAL", "warning": "⚠️ WARNING", "resolved": "✅ RESOLVED"}
_Reader = Callable[[Draft, Any, str], dict[str, Any]]


def recognises(submission: Submission) -> bool:
    """Tell by Sentry's header."""
    return "sentry-hook-resource" in submission.headers


def read(submission: Submission) -> Posting | Ignored:
    """Return what happened. Raises: Malformed."""
    resource = one_line(submission.header("sentry-hook-resource"), 50)
    if not resource:
        raise Malformed("Sentry-Hook-Resource", "no such header", 'the name of a resource, like "issue"')
    fields = table(submission.fields)
    action = one_line(text(fields, "action"), 50)
    event = f"{resource}.{action}" if action else resource
    delivery = submission.header("request-id")
    told = _READERS.get(resource)
    if told is None:
        return Ignored(reason=f"nothing to say of the resource {resource}", event=event, delivery=delivery)
    draft = Draft()
    facets = told(draft, fields, action)
    return Posting(content=draft.content(), event=event, delivery=delivery, **facets)


def _issue(draft: Draft, fields: Any, action: str) -> dict[str, Any]:
    issue = table(fields, "data", "issue")
    title = one_line(text(issue, "title") or text(issue, "metadata", "type"), 300) or "an issue"
    actor = one_line(text(fields, "actor", "name"), 100)
    short = one_line(text(issue, "shortId"), 100)
    url = text(issue, "web_url") or text(issue, "permalink")
    draft.add(f"[{_project(issue)}] ").add(f"{action or 'changed'} ".capitalize()).link(short or "issue", url)
    draft.add(": ").add(title, Style.BOLD)
    if actor and actor != "Sentry":
        draft.add(f" (by {actor})")
    if culprit := one_line(text(issue, "culprit"), 200):
        draft.line().add(culprit, Style.CODE)
    return {
        "severity": one_line(text(issue, "level"), 50),
        "edit_key": f"issue:{text(issue, 'id')}",
        "closes": action == "resolved",
    }


def _error(draft: Draft, fields: Any, _: str) -> dict[str, Any]:
    """Tell an error or an alert about one: both carry the event."""
    event = table(fields, "data", "event") or table(fields, "data", "error")
    title = one_line(text(event, "title") or text(event, "message"), 300) or "an error"
    draft.add(f"[{_project(event)}] ").link(title, text(event, "web_url"), Style.BOLD)
    rule = one_line(text(fields, "data", "triggered_rule"), 200)
    draft.add(f" ({rule})" if rule else "")
    if culprit := one_line(text(event, "culprit"), 200):
        draft.line().add(culprit, Style.CODE)
    issue = text(event, "issue_id")
    return {"severity": one_line(text(event, "level"), 50), "edit_key": f"issue:{issue}" if issue else ""}


def _metric(draft: Draft, fields: Any, action: str) -> dict[str, Any]:
    data = table(fields, "data")
    title = one_line(text(data, "description_title"), 300).partition(": ")
    draft.add(_SIGNS.get(action, action.upper() or "ALERT"), Style.BOLD).add(" ")
    draft.link(title[2] or title[0] or "alert", text(data, "web_url"), Style.BOLD)
    if words := text(data, "description_text"):
        draft.line().add(words.replace("\\n", "\n"))
    alert = text(data, "metric_alert", "id") or text(data, "metric_alert", "identifier")
    return {
        "severity": action,
        "edit_key": f"metric:{alert}" if alert else "",
        "closes": action == "resolved",
    }


def _comment(draft: Draft, fields: Any, action: str) -> dict[str, Any]:
    data = table(fields, "data")
    actor = one_line(text(fields, "actor", "name"), 100) or "somebody"
    verb = {"created": "commented on", "updated": "edited a comment on", "deleted": "deleted a comment on"}
    project = one_line(text(data, "project_slug"), 100)
    draft.add(f"[{project or 'Sentry'}] {actor} {verb.get(action, 'commented on')} issue {text(data, 'issue_id')}")
    write_excerpt(draft, text(data, "comment"))
    return {"thread": f"issue:{text(data, 'issue_id')}"}


def _installed(draft: Draft, _: Any, action: str) -> dict[str, Any]:
    draft.add(f"the integration was {'installed' if action == 'created' else action or 'changed'}")
    return {}


def _project(one: Any) -> str:
    for path in (("project", "slug"), ("project", "name"), ("project_slug",), ("project_name",), ("project",)):
        found = one_line(text(one, *path), 100)
        if found and not found.isdigit():  # an id says nothing
            return found
    return "Sentry"


_READERS: Final[dict[str, _Reader]] = {
    "issue": _issue,
    "error": _error,
    "event_alert": _error,
    "metric_alert": _metric,
    "comment": _comment,
    "installation": _installed,
}
