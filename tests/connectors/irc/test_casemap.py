"""Equal names by CASEMAPPING, and masks by the vectors of irc-parser-tests (CC0, beside this file)."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from connectors.irc.connection.casemap import folder, matches

VECTORS = yaml.safe_load((Path(__file__).parent / "vectors" / "mask-match.yaml").read_text())["tests"]


@pytest.mark.parametrize(
    ("casemapping", "folded"),
    [
        ("ascii", "a[]\\^{}|~äÄé"),
        ("rfc1459-strict", "a{}|^{}|~äÄé"),
        ("strict-rfc1459", "a{}|^{}|~äÄé"),
        ("rfc1459", "a{}|~{}|~äÄé"),
        ("RFC1459", "a{}|~{}|~äÄé"),
        ("", "a{}|~{}|~äÄé"),
        ("something-new", "a{}|~{}|~äÄé"),
        ("rfc7613", "a[]\\^{}|~ääé"),
    ],
)
def test_folds_what_the_server_folds(casemapping, folded):
    assert folder(casemapping)("A[]\\^{}|~äÄé") == folded


@given(st.sampled_from(["ascii", "rfc1459", "rfc1459-strict", "rfc7613"]), st.text())
def test_folding_twice_is_folding_once(casemapping, name):
    fold = folder(casemapping)

    assert fold(fold(name)) == fold(name)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["mask"])
def test_masks_match_like_everybody(vector):
    fold = folder("rfc1459")

    assert [name for name in vector["matches"] if not matches(vector["mask"], name, fold)] == []
    assert [name for name in vector["fails"] if matches(vector["mask"], name, fold)] == []


@given(st.text("ab*?", max_size=6), st.text("ab", max_size=8))
def test_masks_are_globs(mask, name):
    pattern = "".join({"*": ".*", "?": "."}.get(c, c) for c in mask)

    assert matches(mask, name, folder("ascii")) == bool(re.fullmatch(pattern, name))


def test_masks_fold():
    assert matches("*!*@HOST[1]", "nick!user@host{1}", folder("rfc1459"))
    assert not matches("*!*@HOST[1]", "nick!user@host{1}", folder("ascii"))
