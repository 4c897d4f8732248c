"""Failures and stanza errors, in both directions."""

from xml.etree.ElementTree import fromstring

import pytest

from bridge.core.capabilities import Feature
from bridge.core.failures import AuthLost, DeliveryFailure, Permanent, Retry, Uncertain, Unsupported, VoiceLost
from bridge.xmpp.ports import IqRefused
from bridge.xmpp.wire import errors


@pytest.mark.parametrize("condition", errors.KINDS)
def test_what_is_written_is_read_again(condition):
    written = errors.written(IqRefused(condition, "because <of> it"))
    read = errors.refusal(fromstring(f"<iq xmlns='jabber:component:accept' type='error'>{written}</iq>"))
    assert (read.condition, read.text) == (condition, "because <of> it")


def test_a_condition_that_no_specification_knows_is_not_written():
    assert "<undefined-condition" in errors.written(IqRefused("x/><evil"))


@pytest.mark.parametrize("error", ["", "<error/>", "<error type='cancel'><x xmlns='y'/></error>"])
def test_an_error_that_says_nothing(error):
    assert (
        errors.refusal(fromstring(f"<iq xmlns='jabber:component:accept'>{error}</iq>")).condition
        == "undefined-condition"
    )


@pytest.mark.parametrize(
    ("failure", "condition"),
    [
        (Retry("x"), "recipient-unavailable"),
        (Uncertain("x"), "remote-server-timeout"),
        (AuthLost("x"), "registration-required"),
        (VoiceLost("x"), "forbidden"),
        (Unsupported(next(iter(Feature))), "feature-not-implemented"),
        (Permanent("x"), "not-acceptable"),
        (DeliveryFailure("x"), "undefined-condition"),
    ],
)
def test_every_failure_has_a_condition(failure, condition):
    assert errors.condition(failure) == condition
    assert condition in errors.KINDS
