"""What a hook lets through: globs over event, branch, labels and severity, and a JMESPath expression over the body.

A delivery that is left out is still taken: its sender gets a 2xx, or it would be switched off. Only this module imports
JMESPath. Called by the connector once a delivery was read.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final

import jmespath
import jmespath.exceptions
import msgspec
from jmespath.parser import ParsedResult

from connectors.webhook.posting import Posting

LONGEST_EXPRESSION: Final = 1_000


class FilterSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a hook lets through; what is empty lets everything through. Globs: ``*``, ``?``, ``[abc]``, in any case of letters."""

    events: tuple[str, ...] = ()
    """Only these events: "push", "pull_request.*"."""
    exclude_events: tuple[str, ...] = ()
    """None of these."""
    branches: tuple[str, ...] = ()
    """Only these branches; what has no branch passes."""
    exclude_branches: tuple[str, ...] = ()
    """None of these."""
    labels: tuple[str, ...] = ()
    """Only what has one of these labels: "bug", "team=sea"."""
    exclude_labels: tuple[str, ...] = ()
    """Nothing that has one of these."""
    severities: tuple[str, ...] = ()
    """Only these; what has no severity passes."""
    exclude_severities: tuple[str, ...] = ()
    """None of these."""
    where: str = ""
    """A JMESPath expression over the body, which has to be true: "repository.private == `false`"."""

    def __post_init__(self) -> None:
        """Refuse an expression that cannot be one."""
        if len(self.where) > LONGEST_EXPRESSION:
            msg = f"where: found {len(self.where)} characters, expected at most {LONGEST_EXPRESSION}"
            raise ValueError(msg)
        try:
            _compiled(self.where)
        except jmespath.exceptions.JMESPathError as error:
            msg = f"where: {' '.join(str(error).split())[:300]}, expected a JMESPath expression"
            raise ValueError(msg) from None


def skipped(filters: FilterSettings, posting: Posting, fields: Any) -> str:
    """Return "" for what is let through, else why it is not; ``fields`` is the decoded body."""
    facets = (
        ("event", (posting.event,), filters.events, filters.exclude_events),
        ("branch", (posting.branch,), filters.branches, filters.exclude_branches),
        ("label", posting.labels, filters.labels, filters.exclude_labels),
        ("severity", (posting.severity,), filters.severities, filters.exclude_severities),
    )
    for name, values, included, excluded in facets:
        if included and _counts(name, values) and not _matches(values, included):
            return f"its {name} is none of those that are let through"
        if excluded and _matches(values, excluded):
            return f"its {name} is left out"
    return _unless_true(filters.where, fields)


def _counts(name: str, values: tuple[str, ...]) -> bool:
    """Tell whether a facet is asked at all: a ping has no branch, and passes a filter of branches."""
    return name in {"event", "label"} or any(values)


def _matches(values: Iterable[str], globs: Iterable[str]) -> bool:
    return any(fnmatchcase(value.lower(), glob.lower()) for value in values for glob in globs)


def _unless_true(expression: str, fields: Any) -> str:
    if not expression:
        return ""
    try:
        found = _compiled(expression).search(fields)
    except jmespath.exceptions.JMESPathError:
        return "its condition cannot be asked of this body"
    return "" if _is_true(found) else "its condition is not met"


def _is_true(value: Any) -> bool:
    """Tell what JMESPath counts as true: all but false, null, and what is empty; 0 is true ("or expressions")."""
    return value is not None and value is not False and value not in ("", [], {})


@lru_cache(maxsize=256)
def _compiled(expression: str) -> ParsedResult:
    return jmespath.compile(expression or "@")
