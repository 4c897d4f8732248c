"""What a hook lets through, and why it does not."""

import msgspec
import pytest

from bridge.core.content import Content
from connectors.webhook.filters import FilterSettings, skipped
from connectors.webhook.posting import Posting

PUSH = Posting(content=Content(text="x"), event="push", branch="feature/bell")
MERGED = Posting(
    content=Content(text="x"),
    event="pull_request.merged",
    branch="main",
    labels=("Bug", "team=sea"),
    severity="critical",
)
BODY = {"repository": {"private": False, "name": "ferry"}, "commits": [], "n": 0}

CASES = {
    "nothing asked": ({}, PUSH, ""),
    "an event that is wanted": ({"events": ["push", "issues*"]}, PUSH, ""),
    "an event that is not": ({"events": ["issues*"]}, PUSH, "its event is none of those that are let through"),
    "a family of events": ({"events": ["pull_request.*"]}, MERGED, ""),
    "an event in other letters": ({"events": ["PUSH"]}, PUSH, ""),
    "an event that is left out": ({"exclude_events": ["pull_*"]}, MERGED, "its event is left out"),
    "out beats in": ({"events": ["*"], "exclude_events": ["push"]}, PUSH, "its event is left out"),
    "a branch that is wanted": ({"branches": ["feature/*"]}, PUSH, ""),
    "a branch that is not": ({"branches": ["main", "release-?"]}, PUSH, "its branch is none of those that are let through"),
    "no branch at all": ({"branches": ["main"]}, msgspec.structs.replace(PUSH, branch=""), ""),
    "a branch that is left out": ({"exclude_branches": ["feature/*"]}, PUSH, "its branch is left out"),
    "a label that is wanted": ({"labels": ["team=*"]}, MERGED, ""),
    "no label that is wanted": ({"labels": ["team=*"]}, PUSH, "its label is none of those that are let through"),
    "a label that is left out": ({"exclude_labels": ["bug"]}, MERGED, "its label is left out"),
    "a severity that is wanted": ({"severities": ["critical", "warning"]}, MERGED, ""),
    "a severity that is not": ({"severities": ["warning"]}, MERGED, "its severity is none of those that are let through"),
    "no severity at all": ({"severities": ["warning"]}, PUSH, ""),
    "a severity that is left out": ({"exclude_severities": ["crit*"]}, MERGED, "its severity is left out"),
    "a condition that is met": ({"where": "repository.private == `false`"}, PUSH, ""),
    "a condition that is not": ({"where": "repository.private"}, PUSH, "its condition is not met"),
    "nothing is false": ({"where": "nothing.at.all"}, PUSH, "its condition is not met"),
    "an empty list is false": ({"where": "commits"}, PUSH, "its condition is not met"),
    "zero is true": ({"where": "n"}, PUSH, ""),
    "functions": ({"where": "starts_with(repository.name, 'fer') && length(commits) == `0`"}, PUSH, ""),
    "what cannot be asked": ({"where": "length(n) > `1`"}, PUSH, "its condition cannot be asked of this body"),
}  # fmt: skip


@pytest.mark.parametrize(("keys", "posting", "wanted"), CASES.values(), ids=CASES)
def test_what_is_let_through(keys, posting, wanted):
    assert skipped(msgspec.convert(keys, FilterSettings), posting, BODY) == wanted


@pytest.mark.parametrize("body", [None, [], "text", 5, {}])
def test_any_body_can_be_asked(body):
    filters = msgspec.convert({"where": "a.b[0].c == 'd' || contains(keys(@), 'x')"}, FilterSettings)
    assert skipped(filters, PUSH, body)


@pytest.mark.parametrize("where", ["a ==", "[", "unknown(a)(", "a" * 1_001])
def test_a_condition_that_is_none_is_refused_with_its_key(where):
    with pytest.raises(msgspec.ValidationError, match=r"^where: ") as refused:
        msgspec.convert({"where": where}, FilterSettings)
    assert "\n" not in str(refused.value)
