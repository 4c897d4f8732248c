"""What happens in a repository, as GitHub tells it and Gitea and Forgejo after it. Called by these formats.

One line says who did what, with a link to it; below stand the commits, or what somebody wrote. What belongs to one pull
request, issue or run has one edit key. An event that is not known here is still told, by its name.
"""

from collections.abc import Callable
from typing import Any, Final

from bridge.core.content import Style
from connectors.webhook.draft import Draft, one_line, web_url
from connectors.webhook.fields import items, number, required, table, text, truth
from connectors.webhook.markup import MARKDOWN, styled
from connectors.webhook.posting import Ignored, Posting

MOST_COMMITS: Final = 5
_EXCERPT: Final = 600
"""Code points of what somebody wrote; the rest is behind the link."""

_VERBS: Final = {
    "synchronize": "updated",
    "synchronized": "updated",
    "converted_to_draft": "made a draft of",
    "ready_for_review": "finished the draft of",
    "review_requested": "asked for a review of",
    "label_updated": "labeled",
    "label_cleared": "took the labels off",
    "auto_merge_enabled": "will merge",
}
_VERDICTS: Final = {
    "approved": "approved",
    "changes_requested": "asked for changes to",
    "commented": "reviewed",
    "dismissed": "dismissed a review of",
    "rejected": "asked for changes to",
}
_SEVERITIES: Final = {
    "success": "ok", "failure": "critical", "failed": "critical", "timed_out": "critical", "startup_failure": "critical",
    "error": "critical", "cancelled": "warning", "canceled": "warning", "action_required": "warning",
}  # fmt: skip
_REVIEWED: Final = {"approved", "rejected", "comment"}
"""How Gitea's own events of reviews end: ``pull_request_approved``."""
_PARTS: Final = {"check_suite", "workflow_job", "status"}
"""Told by the run that they belong to."""


class Happening:
    """One event of a repository, while it is put into words."""

    def __init__(self, event: str, fields: Any, delivery: str) -> None:
        self.event = event
        self.fields = fields
        self.delivery = delivery
        self.repository = one_line(text(fields, "repository", "full_name"), 200)
        self.who = one_line(text(fields, "sender", "login") or text(fields, "sender", "username"), 100) or "somebody"
        self.draft = headline(self.repository, text(fields, "repository", "html_url"))

    def posting(self, **facets: Any) -> Posting:
        """Return what was written."""
        return Posting(content=self.draft.content(), delivery=self.delivery, **({"event": self.event} | facets))


def read_event(event: str, fields: Any, *, delivery: str) -> Posting | Ignored:
    """Return what an event says. Raises: Malformed."""
    name = one_line(event, 100)
    if name in _PARTS:
        return Ignored(reason="the run that it belongs to is told", event=name, delivery=delivery)
    action = one_line(text(fields, "action"), 100)
    happening = Happening(f"{name}.{action}" if action else name, fields, delivery)
    told = _READERS.get(name) or _review_reader(name) or _otherwise
    return told(happening, action)


def headline(repository: str, url: str) -> Draft:
    """Return a draft that begins with the repository, where it is known."""
    draft = Draft()
    if repository:
        draft.add("[").link(repository, url).add("] ")
    return draft


def short_ref(ref: str) -> str:
    """Return the name of a branch or tag: ``refs/heads/main`` is ``main``."""
    for prefix in ("refs/heads/", "refs/tags/"):
        ref = ref.removeprefix(prefix)
    return one_line(ref, 200)


def write_commits(draft: Draft, commits: list[Any], total: int) -> None:
    """Write a line for each of the first commits, and how many there are besides."""
    for commit in commits[:MOST_COMMITS]:
        title = text(commit, "message").strip().partition("\n")[0]
        author = one_line(text(commit, "author", "name") or text(commit, "author", "username"), 100)
        draft.line().link(text(commit, "id")[:7], text(commit, "url"), Style.CODE).add(f" {one_line(title, 120)}")
        if author:
            draft.add(f" ({author})")
    more = total - min(len(commits), MOST_COMMITS)
    if more > 0 and commits:
        draft.line().add(f"and {more} more")


def write_excerpt(draft: Draft, words: str) -> None:
    """Write what somebody wrote in Markdown as a quote, the beginning of it."""
    words = words.strip()
    if words:
        cut = words if len(words) <= _EXCERPT else f"{words[:_EXCERPT].rstrip()}…"
        draft.line().take(styled(cut, MARKDOWN), Style.QUOTE)


def counted(number_of: int, noun: str) -> str:
    """Return ``1 commit``, ``2 commits``."""
    return f"{number_of} {noun}" if number_of == 1 else f"{number_of} {noun}s"


def severity_of(result: str) -> str:
    """Return how bad a result is: ok, warning, critical, or "" for what is neither."""
    return _SEVERITIES.get(result.lower(), "")


def _push(happening: Happening, _: str) -> Posting:
    fields, draft = happening.fields, happening.draft
    ref = required(fields, "ref")
    branch, is_tag = short_ref(ref), ref.startswith("refs/tags/")
    kind = "tag" if is_tag else "branch"
    compare = text(fields, "compare") or text(fields, "compare_url")
    commits = items(fields, "commits")
    total = int(number(fields, "total_commits") or number(fields, "distinct_size") or len(commits))
    who = one_line(text(fields, "pusher", "login") or text(fields, "pusher", "name"), 100) or happening.who
    if truth(fields, "deleted") or _is_nothing(text(fields, "after")):
        draft.add(f"{who} deleted {kind} ").add(branch, Style.BOLD)
    elif not commits:
        made = truth(fields, "created") or _is_nothing(text(fields, "before"))
        draft.add(f"{who} {'created' if made else 'moved'} {kind} ").link(branch, compare, Style.BOLD)
    else:
        pushed = "force-pushed" if truth(fields, "forced") else "pushed"
        draft.add(f"{who} {pushed} ").link(counted(total, "commit"), compare).add(" to ").add(branch, Style.BOLD)
        write_commits(draft, commits, total)
    return happening.posting(branch=branch)


def _is_nothing(commit: str) -> bool:
    return bool(commit) and not commit.strip("0")


def _pull_request(happening: Happening, action: str) -> Posting:
    one = table(happening.fields, "pull_request")
    verb = "merged" if action == "closed" and truth(one, "merged") else _VERBS.get(action, action.replace("_", " "))
    happening.draft.add(f"{happening.who} {verb or 'changed'} pull request ")
    _numbered(happening, one)
    if action == "opened":
        write_excerpt(happening.draft, text(one, "body"))
    return _about(happening, one, "pull_request", event="pull_request.merged" if verb == "merged" else "")


def _issue(happening: Happening, action: str) -> Posting:
    one = table(happening.fields, "issue")
    happening.draft.add(f"{happening.who} {_VERBS.get(action, action.replace('_', ' ')) or 'changed'} issue ")
    _numbered(happening, one)
    if action == "opened":
        write_excerpt(happening.draft, text(one, "body"))
    return _about(happening, one, "issue")


def _comment(happening: Happening, action: str) -> Posting:
    fields = happening.fields
    one = table(fields, "issue") or table(fields, "pull_request")
    is_pull = "pull_request" in one or "pull_request" in fields or truth(fields, "is_pull")
    verb = {"created": "commented on", "edited": "edited a comment on", "deleted": "deleted a comment on"}
    noun = "pull request" if is_pull else "issue"
    happening.draft.add(f"{happening.who} {verb.get(action, 'commented on')} {noun} ")
    _numbered(happening, one, url=text(fields, "comment", "html_url"))
    if action != "deleted":
        write_excerpt(happening.draft, text(fields, "comment", "body"))
    return _about(happening, one, "pull_request" if is_pull else "issue", keyed=False)


def _review(happening: Happening, _: str) -> Posting:
    fields = happening.fields
    one, review = table(fields, "pull_request"), table(fields, "review")
    verdict = text(review, "state").lower() or text(review, "type").removeprefix("pull_request_review_")
    happening.draft.add(f"{happening.who} {_VERDICTS.get(verdict, 'reviewed')} pull request ")
    _numbered(happening, one, url=text(review, "html_url"))
    write_excerpt(happening.draft, text(review, "body") or text(review, "content"))
    return _about(happening, one, "pull_request", keyed=False)


def _review_reader(name: str) -> Callable[[Happening, str], Posting] | None:
    """Return the reader of reviews for Gitea's own names of them."""
    return _review if name.startswith("pull_request_") and name.rpartition("_")[2] in _REVIEWED else None


def _created(happening: Happening, _: str) -> Posting:
    return _branched(happening, "created")


def _deleted(happening: Happening, _: str) -> Posting:
    return _branched(happening, "deleted")


def _branched(happening: Happening, verb: str) -> Posting:
    branch = short_ref(required(happening.fields, "ref"))
    kind = one_line(text(happening.fields, "ref_type"), 50) or "branch"
    happening.draft.add(f"{happening.who} {verb} {kind} ").add(branch, Style.BOLD)
    return happening.posting(branch=branch)


def _release(happening: Happening, action: str) -> Posting:
    release = table(happening.fields, "release")
    tag = one_line(text(release, "tag_name"), 200)
    name = one_line(text(release, "name"), 200) or tag
    happening.draft.add(f"{happening.who} {action or 'published'} release ").link(
        name, text(release, "html_url"), Style.BOLD
    )
    if action in {"published", "released", ""}:
        write_excerpt(happening.draft, text(release, "body"))
    return happening.posting(edit_key=f"release:{happening.repository}:{tag}", branch=tag)


def _run(happening: Happening, _: str) -> Posting:
    one = table(happening.fields, "workflow_run") or table(happening.fields, "check_run")
    name = one_line(text(one, "name"), 200) or "run"
    result = text(one, "conclusion") or text(one, "status") or "started"
    branch = short_ref(text(one, "head_branch") or text(one, "check_suite", "head_branch"))
    _state(happening, name, result, text(one, "html_url"))
    if branch:
        happening.draft.add(" on ").add(branch, Style.BOLD)
    key = f"run:{happening.repository}:{text(one, 'id')}"
    return happening.posting(edit_key=key, branch=branch, severity=severity_of(result))


def _deployment(happening: Happening, _: str) -> Posting:
    fields = happening.fields
    where = one_line(text(fields, "deployment", "environment"), 100)
    state = text(fields, "deployment_status", "state") or "created"
    url = text(fields, "deployment_status", "target_url") or text(fields, "deployment_status", "environment_url")
    _state(happening, f"deployment to {where}", state, url)
    key = f"deployment:{happening.repository}:{text(fields, 'deployment', 'id')}"
    return happening.posting(edit_key=key, severity=severity_of(state))


def _state(happening: Happening, what: str, state: str, url: str) -> None:
    happening.draft.link(what, url, Style.BOLD).add(f": {one_line(state, 50).replace('_', ' ')}")


def _ping(happening: Happening, _: str) -> Posting:
    words = one_line(text(happening.fields, "zen"), 300)
    happening.draft.add("the hook is set up").add(f": {words}" if words else "")
    return happening.posting()


def _starred(happening: Happening, action: str) -> Posting:
    happening.draft.add(f"{happening.who} {'took back a star' if action == 'deleted' else 'gave a star'}")
    return happening.posting()


def _forked(happening: Happening, _: str) -> Posting:
    fork = table(happening.fields, "forkee")
    happening.draft.add(f"{happening.who} forked it to ").link(
        one_line(text(fork, "full_name"), 200) or "a fork", text(fork, "html_url")
    )
    return happening.posting()


def _commit_comment(happening: Happening, _: str) -> Posting:
    comment = table(happening.fields, "comment")
    happening.draft.add(f"{happening.who} commented on ").link(
        text(comment, "commit_id")[:7] or "a commit", text(comment, "html_url"), Style.CODE
    )
    write_excerpt(happening.draft, text(comment, "body"))
    return happening.posting()


def _otherwise(happening: Happening, action: str) -> Posting:
    """Tell an event that has no words of its own here."""
    name = happening.event.partition(".")[0].replace("_", " ")
    happening.draft.add(f"{happening.who}: {name} {action.replace('_', ' ')}".rstrip())
    return happening.posting()


def _numbered(happening: Happening, one: Any, *, url: str = "") -> None:
    """Write ``#5: its title``, with a link."""
    title = one_line(text(one, "title"), 200)
    where = web_url(url) or text(one, "html_url")
    happening.draft.link(f"#{text(one, 'number') or '?'}", where).add(f": {title}" if title else "")


def _about(happening: Happening, one: Any, kind: str, *, keyed: bool = True, event: str = "") -> Posting:
    """Return a posting about a pull request or an issue: its own state corrects what was told, talk about it does not."""
    key = f"{kind}:{happening.repository}#{text(one, 'number')}"
    labels = (one_line(text(each, "name"), 100) for each in items(one, "labels")[:50])
    return happening.posting(
        event=event or happening.event,
        edit_key=key if keyed else "",
        thread=key,
        branch=short_ref(text(one, "base", "ref")),
        labels=tuple(label for label in labels if label),
    )


_READERS: Final[dict[str, Callable[[Happening, str], Posting]]] = {
    "push": _push,
    "pull_request": _pull_request,
    "pull_request_review": _review,
    "pull_request_review_comment": _comment,
    "issues": _issue,
    "issue_comment": _comment,
    "commit_comment": _commit_comment,
    "create": _created,
    "delete": _deleted,
    "release": _release,
    "workflow_run": _run,
    "check_run": _run,
    "deployment": _deployment,
    "deployment_status": _deployment,
    "ping": _ping,
    "star": _starred,
    "fork": _forked,
}
