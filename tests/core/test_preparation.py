"""Preparation: our own stringprep agrees with slixmpp's, which is what the addresses meet first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slixmpp.jid import JID, InvalidJID

from bridge.core.preparation import nodeprep, resourceprep

OLD = st.text(st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF), max_size=8)


def with_slixmpp(text, template, part):
    try:
        return getattr(JID(template.format(text)), part) or None
    except InvalidJID:
        return None


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("Bob", "Bob"),
        ("日本", "日本"),
        ("☃", "☃"),
        ("a@b/c", "a@b/c"),
        (" lead", " lead"),
        ("\uff22ob", "Bob"),
        ("B\u00adob", "Bob"),
        ("", None),
        ("\u00ad", None),
        ("🎉", None),
        ("a\x03b", None),
        ("a\nb", None),
        ("\u202eabc", None),
        ("\ud800", None),
        ("שלום", "שלום"),
        ("שלום 2", None),
        ("abc שלום", None),
        ("x" * 1023, "x" * 1023),
        ("x" * 1024, None),
    ],
)
def test_resourceprep(text, prepared):
    assert resourceprep(text) == prepared


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("Bob", "bob"),
        ("Straße", "strasse"),
        ("#dev", "#dev"),
        ("a b", None),
        ("a@b", None),
        ("a\\40b", "a\\40b"),
        ("İ", "i̇"),
    ],
)
def test_nodeprep(text, prepared):
    assert nodeprep(text) == prepared


@given(OLD)
def test_what_passes_our_resourceprep_passes_slixmpp(text):
    prepared = resourceprep(text)
    if prepared is not None:
        assert with_slixmpp(prepared, "a@b.example/{}", "resource") == prepared
        assert resourceprep(prepared) == prepared


@given(OLD.filter(lambda text: not set(text) & set("@/")))
def test_what_passes_our_nodeprep_passes_slixmpp(text):
    prepared = nodeprep(text)
    if prepared is not None:
        assert with_slixmpp(prepared, "{}@b.example", "local") == prepared
