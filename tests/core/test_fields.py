"""What is given for a field of a command: read into its value, or told what is wrong; a table for each sort."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.commands import Field, Sort
from bridge.core.fields import Filled, Wrong, fill, read, strangers

COLOURS = {"red": "Red", "green": "Green"}
HOSTILE = ["a\nb", "a\rb", "a\0b", "a\x01b", "a\u2028b", "a\x7fb", "a\x85b", "a\ud800b"]


def field(sort: Sort, **more) -> Field:
    return Field(name="f", label="F", sort=sort, **more)


READ = [
    (field(Sort.TEXT), " a  b ", "a  b"),
    (field(Sort.TEXT), ["one"], "one"),
    (field(Sort.TEXT), "🦀 é", "🦀 é"),
    (field(Sort.NICK), "[bob]", "[bob]"),
    (field(Sort.SECRET), " p w ", "p w"),
    (field(Sort.LINES), "a\r\nb\rc", "a\nb\nc"),
    (field(Sort.LINES), ["a", "", "b"], "a\n\nb"),
    (field(Sort.NUMBER), "42", 42),
    (field(Sort.NUMBER), 42, 42),
    (field(Sort.NUMBER), "-7", -7),
    (field(Sort.NUMBER, least=1, most=3), "3", 3),
    (field(Sort.FLAG), True, True),
    (field(Sort.FLAG), "YES", True),
    (field(Sort.FLAG), "1", True),
    (field(Sort.FLAG), 0, False),
    (field(Sort.FLAG), "off", False),
    (field(Sort.CHOICE, choices=COLOURS), "RED", "red"),
    (field(Sort.LIST), ["a", "b c", ""], ("a", "b c")),
    (field(Sort.LIST), "a\nb", ("a", "b")),
    (field(Sort.JID), "Ann@Example.org/phone", "ann@example.org"),
    (field(Sort.JIDS), ["a@b", "A@b", "c@d"], ("a@b", "c@d")),
    (field(Sort.DURATION), "90", 90.0),
    (field(Sort.DURATION), 1.5, 1.5),
    (field(Sort.DURATION), "1h30m", 5400.0),
    (field(Sort.TABLE), {"a": 1}, {"a": 1}),
    (field(Sort.TABLE), ["a=1", "b.c=github", 'd="x=y"'], {"a": 1, "b": {"c": "github"}, "d": "x=y"}),
]

REFUSED = [
    (field(Sort.TEXT), 7, "found 7, expected text"),
    (field(Sort.TEXT), {"a": 1}, "found something else, expected text"),
    (field(Sort.TEXT), ["a", "b"], "found a list, expected text"),
    (field(Sort.TEXT, longest=3), "abcd", "found 4 characters, expected 3 at most"),
    (field(Sort.TEXT), "x" * 100_000, "found 100000 characters, expected 4096 at most"),
    (field(Sort.TEXT, check=lambda text: "" if text == "b" else "b"), "a", 'found "a", expected b'),
    (field(Sort.SECRET), "a\nb", "found something else, expected one line without control characters"),
    (field(Sort.SECRET, check=lambda _: "another"), "hunter2", "found something else, expected another"),
    (field(Sort.LINES), "a\0b", 'found "a\\u0000b", expected text without control characters'),
    (field(Sort.NUMBER), "4.5", 'found "4.5", expected a whole number'),
    (field(Sort.NUMBER), 4.5, "found 4.5, expected a whole number"),
    (field(Sort.NUMBER), True, "found true, expected a whole number"),
    (field(Sort.NUMBER), "٣", 'found "٣", expected a whole number'),
    (field(Sort.NUMBER), "+-3", 'found "+-3", expected a whole number'),
    (field(Sort.NUMBER), "9" * 400, f'found "{"9" * 79}…", expected a whole number'),
    (field(Sort.NUMBER, least=1, most=3), "4", 'found "4", expected a whole number from 1 to 3'),
    (field(Sort.NUMBER, least=1), 0, "found 0, expected a whole number from 1 upwards"),
    (field(Sort.FLAG), "maybe", 'found "maybe", expected yes or no'),
    (field(Sort.FLAG), 2, "found 2, expected yes or no"),
    (field(Sort.CHOICE, choices=COLOURS), "gren", 'found "gren", did you mean "green"?'),
    (field(Sort.CHOICE, choices=COLOURS), "?", 'found "?", expected one of green, red'),
    (field(Sort.LIST, least=2), ["a"], "found 1, expected 2 or more"),
    (field(Sort.LIST, most=2), ["a", "b", "c"], "found 3, expected 2 at most"),
    (field(Sort.LIST), [1], "found 1, expected text"),
    (field(Sort.JID), "ann", 'found "ann", expected an address such as "ann@example.org"'),
    (field(Sort.JID), "@example.org", 'found "@example.org", expected an address such as "ann@example.org"'),
    (field(Sort.JID), "a b@c", 'found "a b@c", expected an address such as "ann@example.org"'),
    (field(Sort.JID), "a@b..c", 'found "a@b..c", expected an address such as "ann@example.org"'),
    (field(Sort.JIDS), ["a@b", "x"], 'found "x", expected an address such as "ann@example.org"'),
    (field(Sort.DURATION), "soon", 'found "soon", expected a time such as "90", "10m", "24h" or "30d"'),
    (field(Sort.DURATION), -1, 'found -1, expected a time such as "90", "10m", "24h" or "30d"'),
    (field(Sort.DURATION), float("nan"), 'found nan, expected a time such as "90", "10m", "24h" or "30d"'),
    (field(Sort.TABLE), ["a"], 'found "a", expected KEY=VALUE'),
    (field(Sort.TABLE), ["a=1", "a.b=2"], 'found "a.b=2", but a has a value already'),
]


@pytest.mark.parametrize(("of", "raw", "value"), READ, ids=lambda each: getattr(each, "sort", None))
def test_what_is_right_is_read(of, raw, value) -> None:
    assert read(of, raw) == value
    assert type(read(of, raw)) is type(value)


@pytest.mark.parametrize(("of", "raw", "why"), REFUSED, ids=lambda each: getattr(each, "sort", None))
def test_what_is_wrong_is_told(of, raw, why) -> None:
    with pytest.raises(ValueError) as wrong:  # noqa: PT011 - the words are compared
        read(of, raw)
    assert str(wrong.value) == why


def outcome(of: Field, raw: object) -> tuple[object, str]:
    """Return the value, or what is wrong."""
    try:
        return read(of, raw), ""
    except ValueError as wrong:
        return (), str(wrong)


@pytest.mark.parametrize("sort", [sort for sort in Sort if sort is not Sort.TABLE])
@pytest.mark.parametrize("raw", HOSTILE, ids=ascii)
def test_nothing_that_breaks_a_line_gets_through(sort, raw) -> None:
    value, wrong = outcome(field(sort, choices=COLOURS), raw)
    assert wrong.isprintable()
    texts = value if isinstance(value, tuple) else (value,)
    kept = "\n" if sort is Sort.LINES else ""
    assert all(character.isprintable() or character in kept for text in texts for character in text)


@given(st.text())
def test_a_text_is_kept_or_refused_and_never_cut(raw) -> None:
    value, wrong = outcome(field(Sort.TEXT), raw)
    assert value == (() if wrong else raw.strip())
    assert wrong.isprintable()


def test_each_field_that_is_missing_or_wrong_is_named() -> None:
    fields = (
        Field(name="name", label="Name"),
        Field(name="port", label="Port", sort=Sort.NUMBER),
        Field(name="tls", label="TLS", sort=Sort.FLAG, required=False, default="yes"),
        Field(name="nick", label="Nick", required=False),
    )
    filled = fill(fields, {"name": "  ", "port": "x", "other": "y"})
    assert filled.wrong == (
        Wrong("name", "is missing", missing=True),
        Wrong("port", 'found "x", expected a whole number'),
    )
    assert fill(fields, {"name": "n", "port": "1", "nick": ""}).values == {"name": "n", "port": 1, "tls": True}
    assert [str(each) for each in strangers(fields, {"nmae": 1, "tls": 1})] == [
        'nmae: is not known here: did you mean "name"?'
    ]


@pytest.mark.parametrize(
    ("sort", "given", "values"),
    [
        (Sort.TEXT, {}, {}),
        (Sort.TEXT, {"of": "new"}, {"of": "new"}),
        (Sort.TEXT, {"of": ""}, {"of": ""}),
        (Sort.TEXT, {"of": "  "}, {"of": ""}),
        (Sort.LIST, {}, {}),
        (Sort.LIST, {"of": []}, {"of": ()}),
        (Sort.LIST, {"of": "a\nb"}, {"of": ("a", "b")}),
    ],
)
def test_what_has_a_value_already_stays_or_is_emptied(sort, given, values) -> None:
    field = Field(name="of", label="Of", sort=sort, required=False, value="old")
    assert fill([field], given) == Filled(values, ())


def test_what_is_hidden_is_not_repeated() -> None:
    field = Field(name="pem", label="PEM", sort=Sort.LINES, hidden=True)
    (wrong,) = fill([field], {"pem": "sesame\0"}).wrong
    assert wrong.reason == "found something else, expected text without control characters"
