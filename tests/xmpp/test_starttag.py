"""Start tags: what is written plainly is read, what is not is left to a parser, and nothing is read wrongly."""

from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.xmpp.wire.starttag import take_apart, unescaped

NAME = "<message"


@pytest.mark.parametrize(
    ("tag", "attrs", "to"),
    [
        ("<message>", {}, None),
        ("<message/>", {}, None),
        ("<message to='a@b'>", {"to": "a@b"}, "a@b"),
        ("<message to='a@b' />", {"to": "a@b"}, "a@b"),
        ('<message to="a@b/c">', {"to": "a@b/c"}, "a@b/c"),
        ("<message xmlns='jabber:client' id='1' to='ä'>", {"id": "1", "to": "ä"}, "ä"),
        ("<message xml:lang='en' x:to='no' to='yes'>", {"to": "yes"}, "yes"),
        ("<message id=' to=' to='real'>", {"id": " to=", "to": "real"}, "real"),
        ("<message id='&lt;&amp;&#39;&#x263a;' to='&quot;'>", {"id": "<&'☺", "to": '"'}, "&quot;"),
        ("<message from='x id=' id='7' to='a'>", {"from": "x id=", "id": "7", "to": "a"}, "a"),
        ("<message to='a' from='x id='>", {"from": "x id=", "to": "a"}, "a"),
        ("<message id='a-1' to='b'>", {"id": "a-1", "to": "b"}, "b"),
        ("<message to='ä' id='a1'>", {"id": "a1", "to": "ä"}, "ä"),
        ("<message rare='1'>", {"rare": "1"}, None),
    ],
)
def test_plain_tags(tag, attrs, to):
    data = tag.encode()
    read = take_apart(data, len(NAME))
    assert read.attrs == attrs
    raw = data[read.to : data.index(read.quote, read.to)].decode() if read.to else None
    assert raw == to


@pytest.mark.parametrize(
    "tag",
    [
        "<messagex to='a'>",
        "<message to='a'b='c'>",
        "<message  to='a'>",
        "<message\nto='a'>",
        "<message to ='a'>",
        "<message to= 'a'>",
        "<message to='a' >",
        "<message to='a\" b=\"c'>",
        "<message to='a' b=\"c\">",
        '<message to="a@b/it\'s">',
        "<message to='a' to='b'>",
        "<message to='a>",
        "<message id='a' id='a'>",
        "<message from='x id='abc' to='a'>",
        "<message id='/>",
        "<message id=' />",
        "<message to=a>",
        "<message to='&unknown;'>",
        "<message to='&#x110000;'>",
        "<message to='a\tb'>",
        "<message to='a<b'>",
        "<message xmlns='urn:other'>",
        "<message to>",
    ],
)
def test_other_tags_are_left_to_a_parser(tag):
    assert take_apart(tag.encode(), len(NAME)) is None


def test_what_is_not_utf_8_is_left_to_a_parser():
    assert take_apart(b"<message to='\xff'>", len(NAME)) is None


@given(
    st.dictionaries(
        st.sampled_from(["to", "from", "id", "type", "xml:lang", "q:a", "z"]), st.text(alphabet="a'\"&;lt>/ =é\n#x39")
    )
)
def test_whatever_is_read_is_what_a_parser_reads(attrs):
    escaped = {key: value.replace("&", "&amp;").replace("'", "&#39;") for key, value in attrs.items()}
    tag = NAME + "".join(f" {key}='{value}'" for key, value in escaped.items()) + "/>"
    read = take_apart(tag.encode(), len(NAME))
    if read is not None:
        element = fromstring(f"<r xmlns:q='q'>{tag}</r>")[0]
        assert read.attrs == {key: value for key, value in element.items() if "}" not in key}


@given(st.text(alphabet="a&;#x0129lgtampquos<>é"))
def test_whatever_is_unescaped_is_what_a_parser_makes_of_it(raw):
    value = unescaped(raw.encode())
    if value is not None and "&#" not in raw:  # what stands for a control character is refused where it would matter
        assert fromstring(f'<a b="{raw}"/>').get("b") == value
