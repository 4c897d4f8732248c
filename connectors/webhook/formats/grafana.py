"""Grafana's webhook contact point, and its alerts of before version 9. Recognised by what it adds to Alertmanager's shape.

The new shape is a group of alerts; the old one is one rule with a state. Bodies can be templates in Grafana: what is not
there is left out.
"""

from typing import Any, Final

from msgspec.structs import replace

from bridge.core.content import Attachment, Style
from connectors.webhook.draft import Draft, one_line, web_url
from connectors.webhook.fields import at, items, table, text
from connectors.webhook.formats.alertmanager import read_group
from connectors.webhook.formats.alerts import is_firing
from connectors.webhook.markup import MARKDOWN, write
from connectors.webhook.posting import Posting
from connectors.webhook.submission import Submission

_STATES: Final = {
    "alerting": "🔥 FIRING",
    "ok": "✅ RESOLVED",
    "no_data": "❔ NO DATA",
    "paused": "⏸ PAUSED",
    "pending": "⏳ PENDING",
}
_MOST_PICTURES: Final = 4


def recognises(submission: Submission) -> bool:
    """Tell by the fields that only Grafana has."""
    fields = submission.fields
    if not isinstance(fields, dict):
        return False
    if isinstance(at(fields, "alerts"), list):
        return "orgId" in fields or text(fields, "version") == "1"
    return "ruleName" in fields or "evalMatches" in fields


def read(submission: Submission) -> Posting:
    """Return how the alerts are. Raises: Malformed."""
    fields = table(submission.fields)
    return _group(fields) if "alerts" in fields or "ruleName" not in fields else _rule(fields)


def _group(fields: Any) -> Posting:
    """Return how a group of alerts is, with the charts of those that stand."""
    posting = read_group(fields)
    urls = [web_url(text(each, "imageURL")) for each in items(fields, "alerts") if is_firing(each)]
    pictures = tuple(Attachment(url=url) for url in dict.fromkeys(urls) if url)[:_MOST_PICTURES]
    return replace(posting, content=replace(posting.content, attachments=pictures))


def _rule(fields: Any) -> Posting:
    """Return how one rule is, in the shape of before version 9."""
    state = text(fields, "state").lower()
    rule = one_line(text(fields, "ruleName") or text(fields, "title"), 200)
    draft = Draft().add(_STATES.get(state, one_line(state, 50).upper() or "ALERT"), Style.BOLD).add(" ")
    draft.link(rule, text(fields, "ruleUrl"), Style.BOLD)
    if message := text(fields, "message"):
        write(draft.line(), message, MARKDOWN)
    for match in items(fields, "evalMatches")[:10]:
        draft.line().add(f"• {one_line(text(match, 'metric'), 100)}: {text(match, 'value')}")
    picture = web_url(text(fields, "imageUrl"))
    return Posting(
        content=draft.content(attachments=[Attachment(url=picture)] if picture else ()),
        event=one_line(state, 50),
        edit_key=f"rule:{text(fields, 'orgId')}:{text(fields, 'ruleId') or rule}",
        closes=state == "ok",
    )
