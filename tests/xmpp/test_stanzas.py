"""Builders: whatever goes in, a parser finds it again, and nothing else."""

from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.xmpp.wire import stanzas

ANYTHING = st.text(st.characters(exclude_categories=()))


def legal(text: str) -> str:
    """XML 1.0 section 2.2, read literally."""
    return "".join(
        c for c in text if c in "\t\n\r" or 0x20 <= ord(c) <= 0xD7FF or 0xE000 <= ord(c) <= 0xFFFD or ord(c) >= 0x10000
    )


def read(text: str) -> str:
    """Do to line ends what a parser does (section 2.11)."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(ANYTHING)
def test_only_what_xml_can_carry_is_kept(text):
    assert stanzas.legal(text) == legal(text)


@given(ANYTHING)
def test_text_is_read_as_it_was_written(text):
    assert (fromstring(f"<a>{stanzas.text(text)}</a>").text or "") == read(legal(text))


@given(ANYTHING)
def test_attributes_are_read_as_they_were_written_line_ends_included(text):
    assert fromstring(f"<a b='{stanzas.attribute(text)}'/>").get("b") == legal(text)
    assert fromstring(f'<a b="{stanzas.attribute(text)}"/>').get("b") == legal(text)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_a_message_holds_nothing_but_what_it_was_given(sender, to, text):
    extra = stanzas.nick(text) + stanzas.replaces(text) + stanzas.reactions(text, (text, "x"))
    built = fromstring(stanzas.message(sender, to, kind="groupchat", id_=text, body=text, subject=text, extra=extra))
    assert built.get("from") == legal(sender)
    assert [child.tag.rpartition("}")[2] for child in built] == ["subject", "body", "nick", "replace", "reactions"]
    assert (built.findtext("body") or "") == read(legal(text))


@pytest.mark.parametrize(
    ("built", "wire"),
    [
        (
            stanzas.message("a@b", "c@d", kind="groupchat", id_="1", body="x<y"),
            "<message from='a@b' to='c@d' type='groupchat' id='1'><body>x&lt;y</body></message>",
        ),
        (stanzas.message("a@b", "c@d", subject=""), "<message from='a@b' to='c@d'><subject></subject></message>"),
        (
            stanzas.presence("a@b", "c@d/n", show="away", status="gone", extra=stanzas.nick("Ann")),
            (
                "<presence from='a@b' to='c@d/n'><show>away</show><status>gone</status>"
                "<nick xmlns='http://jabber.org/protocol/nick'>Ann</nick></presence>"
            ),
        ),
        (
            stanzas.presence("a@b", "c@d/n", kind="unavailable"),
            "<presence from='a@b' to='c@d/n' type='unavailable'></presence>",
        ),
        (
            stanzas.muc_join(maxstanzas=0, password="a'b"),
            "<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/><password>a'b</password></x>",
        ),
        (
            stanzas.muc_join(since="2026-01-01T00:00:00Z"),
            "<x xmlns='http://jabber.org/protocol/muc'><history since='2026-01-01T00:00:00Z'/></x>",
        ),
        (stanzas.muc_join(), "<x xmlns='http://jabber.org/protocol/muc'/>"),
        (
            stanzas.reply("9", to="r@c/n") + stanzas.fallback("urn:xmpp:reply:0", start=0, end=7),
            (
                "<reply xmlns='urn:xmpp:reply:0' to='r@c/n' id='9'/>"
                "<fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='7'/></fallback>"
            ),
        ),
        (
            stanzas.error("gone", words="moved"),
            (
                "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>moved</text></error>"
            ),
        ),
        (stanzas.retract("5"), "<retract xmlns='urn:xmpp:message-retract:1' id='5'/>"),
        (stanzas.origin_id("5"), "<origin-id xmlns='urn:xmpp:sid:0' id='5'/>"),
        (stanzas.chat_state("composing"), "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
        (stanzas.hint("no-store"), "<no-store xmlns='urn:xmpp:hints'/>"),
        (
            stanzas.delay("2026-01-01T00:00:00Z", sender="a@b"),
            "<delay xmlns='urn:xmpp:delay' from='a@b' stamp='2026-01-01T00:00:00Z'/>",
        ),
        (stanzas.oob("http://x/?a&b"), "<x xmlns='jabber:x:oob'><url>http://x/?a&amp;b</url></x>"),
    ],
)
def test_the_wire(built, wire):
    assert built == wire
