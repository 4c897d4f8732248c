"""GitLab's webhooks. Recognised by ``X-Gitlab-Event``; the event is what the body calls ``object_kind``."""

from collections.abc import Callable
from typing import Any, Final

from bridge.core.content import Style
from connectors.webhook.draft import Draft, one_line
from connectors.webhook.fields import items, number, required, table, text
from connectors.webhook.formats.forge import counted, headline, severity_of, short_ref, write_commits, write_excerpt
from connectors.webhook.posting import Posting
from connectors.webhook.submission import Submission

_VERBS: Final = {
    "open": "opened",
    "close": "closed",
    "reopen": "reopened",
    "update": "changed",
    "merge": "merged",
    "approved": "approved",
    "approval": "approved",
    "unapproved": "took back the approval of",
    "unapproval": "took back the approval of",
    "create": "created",
    "delete": "deleted",
}
_NOTED: Final = {
    "MergeRequest": ("merge_request", "merge request", "!"),
    "Issue": ("issue", "issue", "#"),
    "Snippet": ("snippet", "snippet", "$"),
}


class _Happening:
    """One event of a project, while it is put into words."""

    def __init__(self, fields: Any, delivery: str) -> None:
        self.fields = fields
        self.one = table(fields, "object_attributes")
        self.delivery = delivery
        self.project = one_line(text(fields, "project", "path_with_namespace"), 200)
        name = text(fields, "user", "name") or text(fields, "user_name") or text(fields, "user", "username")
        self.who = one_line(name or text(fields, "user_username"), 100) or "somebody"
        self.draft: Draft = headline(self.project, text(fields, "project", "web_url"))
        labels = (one_line(text(each, "title"), 100) for each in items(fields, "labels")[:50])
        self.labels = tuple(label for label in labels if label)

    def posting(self, event: str, **facets: Any) -> Posting:
        """Return what was written."""
        return Posting(content=self.draft.content(), delivery=self.delivery, event=event, labels=self.labels, **facets)


def recognises(submission: Submission) -> bool:
    """Tell by GitLab's header."""
    return "x-gitlab-event" in submission.headers


def read(submission: Submission) -> Posting:
    """Return what happened. Raises: Malformed."""
    fields = table(submission.fields)
    kind = one_line(required(fields, "object_kind"), 100)
    names = ("idempotency-key", "webhook-id", "x-gitlab-event-uuid")
    delivery = next((value for name in names if (value := submission.header(name))), "")
    told = _READERS.get(kind, _otherwise)
    return told(_Happening(fields, delivery), kind)


def _push(happening: _Happening, kind: str) -> Posting:
    fields, draft = happening.fields, happening.draft
    branch = short_ref(required(fields, "ref"))
    noun = "tag" if kind == "tag_push" else "branch"
    commits = items(fields, "commits")
    total = int(number(fields, "total_commits_count") or len(commits))
    web = text(fields, "project", "web_url")
    if not text(fields, "after").strip("0"):
        draft.add(f"{happening.who} deleted {noun} ").add(branch, Style.BOLD)
    elif kind == "tag_push" or not commits:
        verb = "moved" if text(fields, "before").strip("0") else "created"
        draft.add(f"{happening.who} {verb} {noun} ").link(branch, f"{web}/-/commits/{branch}", Style.BOLD)
    else:
        compare = f"{web}/-/compare/{text(fields, 'before')}...{text(fields, 'after')}"
        draft.add(f"{happening.who} pushed ").link(counted(total, "commit"), compare if web else "")
        draft.add(" to ").add(branch, Style.BOLD)
        write_commits(draft, commits, total)
    return happening.posting(kind, branch=branch)


def _merge_request(happening: _Happening, kind: str) -> Posting:
    return _numbered(happening, kind, "merge request", "!")


def _issue(happening: _Happening, _: str) -> Posting:
    return _numbered(happening, "issue", "issue", "#")


def _numbered(happening: _Happening, kind: str, noun: str, sign: str) -> Posting:
    one, action = happening.one, one_line(text(happening.one, "action"), 50)
    happening.draft.add(f"{happening.who} {_VERBS.get(action, action or 'changed')} {noun} ")
    _titled(happening.draft, one, sign, text(one, "url"))
    if action == "open":
        write_excerpt(happening.draft, text(one, "description"))
    key = f"{kind}:{happening.project}{sign}{text(one, 'iid')}"
    branch = short_ref(text(one, "target_branch"))
    return happening.posting(f"{kind}.{action}" if action else kind, edit_key=key, thread=key, branch=branch)


def _note(happening: _Happening, _: str) -> Posting:
    kind, noun, sign = _NOTED.get(text(happening.one, "noteable_type"), ("commit", "commit", ""))
    about = table(happening.fields, kind)
    happening.draft.add(f"{happening.who} commented on {noun} ")
    if sign:
        _titled(happening.draft, about, sign, text(happening.one, "url"))
    else:
        happening.draft.link(text(about, "id")[:7] or "?", text(happening.one, "url"), Style.CODE)
    write_excerpt(happening.draft, text(happening.one, "note"))
    thread = f"{kind}:{happening.project}{sign}{text(about, 'iid')}" if sign else ""
    return happening.posting(f"note.{kind}", thread=thread, branch=short_ref(text(about, "target_branch")))


def _pipeline(happening: _Happening, _: str) -> Posting:
    one = happening.one
    status, number_of = one_line(text(one, "status"), 50), text(one, "id")
    url = text(one, "url") or f"{text(happening.fields, 'project', 'web_url')}/-/pipelines/{number_of}"
    branch = short_ref(text(one, "ref"))
    happening.draft.link(f"pipeline #{number_of}", url, Style.BOLD).add(f": {status} on ").add(branch, Style.BOLD)
    return happening.posting(
        f"pipeline.{status}",
        edit_key=f"pipeline:{happening.project}:{number_of}",
        branch=branch,
        severity=severity_of(status),
    )


def _job(happening: _Happening, _: str) -> Posting:
    fields = happening.fields
    status, number_of = one_line(text(fields, "build_status"), 50), text(fields, "build_id")
    url = f"{text(fields, 'repository', 'homepage')}/-/jobs/{number_of}"
    branch = short_ref(text(fields, "ref"))
    name = one_line(text(fields, "build_name"), 100)
    happening.draft.link(f"job {name}", url, Style.BOLD).add(f": {status} on ").add(branch, Style.BOLD)
    key = f"job:{text(fields, 'project_id')}:{number_of}"
    return happening.posting(f"job.{status}", edit_key=key, branch=branch, severity=severity_of(status))


def _release(happening: _Happening, _: str) -> Posting:
    fields, action = happening.fields, one_line(text(happening.fields, "action"), 50)
    tag = one_line(text(fields, "tag"), 200)
    happening.draft.add(f"{_VERBS.get(action, action or 'published')} release ".capitalize())
    happening.draft.link(one_line(text(fields, "name"), 200) or tag, text(fields, "url"), Style.BOLD)
    if action == "create":
        write_excerpt(happening.draft, text(fields, "description"))
    return happening.posting(f"release.{action}", edit_key=f"release:{happening.project}:{tag}", branch=tag)


def _wiki(happening: _Happening, _: str) -> Posting:
    one, action = happening.one, one_line(text(happening.one, "action"), 50)
    happening.draft.add(f"{happening.who} {_VERBS.get(action, 'changed')} wiki page ")
    happening.draft.link(one_line(text(one, "title"), 200) or "?", text(one, "url"), Style.BOLD)
    return happening.posting(f"wiki_page.{action}")


def _deployment(happening: _Happening, _: str) -> Posting:
    fields, status = happening.fields, one_line(text(happening.fields, "status"), 50)
    where = one_line(text(fields, "environment"), 100)
    happening.draft.link(f"deployment to {where}", text(fields, "deployable_url"), Style.BOLD).add(f": {status}")
    key = f"deployment:{happening.project}:{text(fields, 'deployment_id')}"
    return happening.posting(f"deployment.{status}", edit_key=key, severity=severity_of(status))


def _otherwise(happening: _Happening, kind: str) -> Posting:
    """Tell an event that has no words of its own here."""
    happening.draft.add(f"{happening.who}: {kind.replace('_', ' ')}")
    return happening.posting(kind)


def _titled(draft: Draft, one: Any, sign: str, url: str) -> None:
    title = one_line(text(one, "title"), 200)
    draft.link(f"{sign}{text(one, 'iid') or '?'}", url).add(f": {title}" if title else "")


_READERS: Final[dict[str, Callable[[_Happening, str], Posting]]] = {
    "push": _push,
    "tag_push": _push,
    "merge_request": _merge_request,
    "issue": _issue,
    "work_item": _issue,
    "note": _note,
    "pipeline": _pipeline,
    "build": _job,
    "release": _release,
    "wiki_page": _wiki,
    "deployment": _deployment,
}
