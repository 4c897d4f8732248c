"""Stanza errors, both ways: what a failure is called on XMPP, and what an ``<error/>`` says.

One table for the whole of ``bridge.xmpp`` (RFC 6120 section 8.3.3). What an error means for a room is decided in
``refusals``; here only words are translated.
"""

from xml.etree.ElementTree import Element

from bridge.core.failures import AuthLost, DeliveryFailure, Permanent, Retry, Uncertain, Unsupported, VoiceLost
from bridge.xmpp.ports import IqRefused
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

_ERROR = f"{{{ns.COMPONENT}}}error"
_CONDITION = f"{{{ns.STANZA_ERRORS}}}"
_TEXT = f"{_CONDITION}text"
_LONGEST = 500

KINDS = {  # every defined condition with the type that goes with it
    "bad-request": "modify",
    "conflict": "cancel",
    "feature-not-implemented": "cancel",
    "forbidden": "auth",
    "gone": "cancel",
    "internal-server-error": "cancel",
    "item-not-found": "cancel",
    "jid-malformed": "modify",
    "not-acceptable": "modify",
    "not-allowed": "cancel",
    "not-authorized": "auth",
    "policy-violation": "modify",
    "recipient-unavailable": "wait",
    "redirect": "modify",
    "registration-required": "auth",
    "remote-server-not-found": "cancel",
    "remote-server-timeout": "wait",
    "resource-constraint": "wait",
    "service-unavailable": "cancel",
    "subscription-required": "auth",
    "undefined-condition": "cancel",
    "unexpected-request": "wait",
}


def refusal(element: Element) -> IqRefused:
    """Return what an IQ of type error says; one that says nothing is an undefined-condition."""
    error = element.find(_ERROR)
    if error is None:
        return IqRefused("undefined-condition")
    condition, text = "undefined-condition", ""
    for child in error:
        if child.tag == _TEXT:
            text = (child.text or "").strip()[:_LONGEST]
        elif child.tag.startswith(_CONDITION):
            condition = child.tag.removeprefix(_CONDITION)
    return IqRefused(condition, text, by=error.get("by", ""))


def written(refused: IqRefused) -> str:
    """Return the ``<error/>`` that tells somebody else of a refusal."""
    condition = refused.condition if refused.condition in KINDS else "undefined-condition"
    return stanzas.error(condition, kind=KINDS[condition], words=refused.text, special=refused.special)


def condition(failure: DeliveryFailure) -> str:
    """Return what the sender of a message that could not be delivered is told."""
    match failure:
        case Retry():
            return "recipient-unavailable"
        case Uncertain():
            return "remote-server-timeout"
        case AuthLost():
            return "registration-required"
        case VoiceLost():
            return "forbidden"
        case Unsupported():
            return "feature-not-implemented"
        case Permanent():
            return "not-acceptable"
        case _:
            return "undefined-condition"
