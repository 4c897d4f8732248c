"""Text at the door: no character that breaks a stream or a line, no direction that outlives its line."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.text import clean, clean_name

LRO, RLO, PDF, LRI, RLI, PDI = "\u202d", "\u202e", "\u202c", "\u2066", "\u2067", "\u2069"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("hello", "hello"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("a\r\nb\rc\x85d", "a\nb\nc\nd"),
        ("\x01ACTION x\x01", "ACTION x"),
        ("a\0b\x1bc\x7fd\x9fe", "abcde"),
        ("half \ud83d pair", "half  pair"),
        ("\ufffe\uffff", ""),
        ("😀 é \u2028", "😀 é \u2028"),
        (f"{RLO}evil", f"{RLO}evil{PDF}"),
        (f"{RLO}evil{PDF}", f"{RLO}evil{PDF}"),
        (f"{RLO}one\ntwo", f"{RLO}one{PDF}\ntwo"),
        (f"{RLI}{LRO}x", f"{RLI}{LRO}x{PDF}{PDI}"),
        (f"{RLI}{LRO}x{PDI}", f"{RLI}{LRO}x{PDI}"),
        (f"{LRO}{RLI}x{PDF}", f"{LRO}{RLI}x{PDF}{PDI}{PDF}"),
        (f"{PDF}{PDI}x", f"{PDF}{PDI}x"),
    ],
)
def test_clean(text, cleaned):
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("a topic", "a topic"),
        ("two\nlines\r\n and a\ttab", "two lines and a tab"),
        (f"{RLO}evil{PDF} \u200fname", "evil name"),
        ("\u2028a\u2029b\u00a0c", "a b c"),
        ("\x03\x02", ""),
    ],
)
def test_clean_name(text, cleaned):
    assert clean_name(text) == cleaned


@given(st.text())
def test_what_is_clean_is_legal_xml_and_stays(text):
    cleaned = clean(text)
    element = ET.Element("body")
    element.text = cleaned
    assert (ET.fromstring(ET.tostring(element)).text or "") == cleaned
    assert clean(cleaned) == cleaned


@given(st.text(st.sampled_from(f"a\n{LRO}{RLO}{PDF}{LRI}{RLI}{PDI}")))
def test_directions_are_closed_once(text):
    assert clean(clean(text)) == clean(text)


@given(st.text())
def test_a_clean_name_is_one_line(text):
    name = clean_name(text)
    assert name.splitlines() in ([], [name])
    assert clean_name(name) == name
