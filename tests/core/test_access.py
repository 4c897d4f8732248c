"""Lists of users: whom an entry names."""

import pytest

from bridge.core.access import is_allowed, is_entry, is_named


@pytest.mark.parametrize(
    ("entry", "named", "not_named"),
    [
        ("a@x.example", ["a@x.example", "A@X.example"], ["b@x.example", "a@sub.x.example", "x.example"]),
        ("x.example", ["a@x.example", "x.example"], ["a@sub.x.example", "a@yx.example"]),
        ("*.x.example", ["a@sub.x.example", "a@b.sub.x.example"], ["a@x.example", "a@x.example.org"]),
        ("guest*@x.example", ["guest@x.example", "guest7@x.example"], ["aguest@x.example", "guest@y.example"]),
        ("*@*.example", ["a@x.example"], ["x.example", "a@x.org"]),
        ("*", ["a@x.example", "x.example"], []),
        ("a.c@x.example", ["a.c@x.example"], ["abc@x.example"]),
        ("spam*", ["a@spam.example"], ["spam@x.example"]),
    ],
)
def test_an_entry_is_a_user_a_domain_or_what_they_look_like(entry: str, named: list[str], not_named: list[str]) -> None:
    assert [user for user in [*named, *not_named] if is_named(user, (entry,))] == named


@pytest.mark.parametrize(
    ("user", "allow", "deny", "may"),
    [
        ("a@x.example", (), (), True),
        ("a@x.example", ("x.example",), (), True),
        ("a@x.example", ("a@x.example",), (), True),
        ("a@x.example", ("y.example",), (), False),
        ("a@x.example", (), ("x.example",), False),
        ("a@x.example", ("x.example",), ("a@x.example",), False),
        ("a@x.example", ("x.example",), ("a*@*",), False),
        ("a@sub.x.example", ("x.example",), (), False),
    ],
)
def test_who_is_denied_stays_out_and_of_the_others_who_is_allowed_if_anybody_is(
    user: str, allow: tuple[str, ...], deny: tuple[str, ...], may: bool
) -> None:
    assert is_allowed(user, allow, deny) is may


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a@x.example", True),
        ("x.example", True),
        ("*", True),
        ("", False),
        ("a@x.example/desk", False),
        ("a b@x.example", False),
        ("a@b@x.example", False),
        ("x\x00", False),
    ],
)
def test_what_can_stand_on_a_list(text: str, good: bool) -> None:
    assert is_entry(text) is good
