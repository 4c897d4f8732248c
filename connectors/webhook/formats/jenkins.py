"""Jenkins, through its Notification plugin. Recognised by ``build.phase``. A build is one message, from start to end."""

from typing import Any, Final

from bridge.core.content import Style
from connectors.webhook.draft import Draft, one_line
from connectors.webhook.fields import at, items, number, required, table, text
from connectors.webhook.posting import Ignored, Posting
from connectors.webhook.submission import Submission

_SIGNS: Final = {"SUCCESS": "✅", "FAILURE": "❌", "UNSTABLE": "⚠️", "ABORTED": "⛔", "NOT_BUILT": "⏭"}
_SEVERITIES: Final = {"SUCCESS": "ok", "FAILURE": "critical", "UNSTABLE": "warning", "ABORTED": "warning"}
_MOST: Final = 5


def recognises(submission: Submission) -> bool:
    """Tell by the shape of the body."""
    return bool(text(submission.fields, "build", "phase"))


def read(submission: Submission) -> Posting | Ignored:
    """Return how a build is. Raises: Malformed."""
    fields = table(submission.fields)
    name = one_line(text(fields, "display_name") or required(fields, "name"), 200)
    build = table(fields, "build")
    phase = required(fields, "build", "phase").upper()
    status = text(build, "status").upper() if phase not in {"STARTED", "QUEUED"} else ""
    number_of = text(build, "number")
    delivery = f"{text(fields, 'name')} {number_of} {phase}"
    event = one_line(f"{phase}.{status}" if status else phase, 100).lower()
    if phase == "QUEUED":
        return Ignored(reason="a build that waits is not told", event=event, delivery=delivery)
    branch = one_line(text(build, "scm", "branch"), 200).removeprefix("origin/")
    draft = (
        Draft().add(f"{_SIGNS.get(status, '⏳')} ").link(f"{name} #{number_of}", text(build, "full_url"), Style.BOLD)
    )
    draft.add(f": {one_line(status or phase, 50).lower().replace('_', ' ')}")
    if branch:
        draft.add(" on ").add(branch, Style.BOLD)
    _details(draft, build)
    return Posting(
        content=draft.content(),
        event=event,
        branch=branch,
        severity=_SEVERITIES.get(status, ""),
        edit_key=f"build:{text(fields, 'name')}#{number_of}",
        delivery=delivery,
    )


def _details(draft: Draft, build: Any) -> None:
    tests = table(build, "test_summary")
    if (failed := number(tests, "failed")) is not None and (total := number(tests, "total")):
        draft.line().add(f"{failed:g} of {total:g} tests failed" if failed else f"{total:g} tests passed")
    culprits = [one_line(each, 100) for each in items(build, "scm", "culprits")[:_MOST] if isinstance(each, str)]
    if culprits:
        draft.line().add(f"changes by {', '.join(culprits)}")
    if notes := one_line(text(build, "notes")):
        draft.line().add(notes)
    if isinstance(log := at(build, "log"), str) and log.strip():
        draft.code("\n".join(log.strip().split("\n")[-_MOST:]))
