"""Numbers, keywords, reports, lists and orders: values in, values out."""

import itertools

import pytest

from bridge.core.ids import XMPP, Person, PersonId
from connectors.sms import commands, consent, numbers
from connectors.sms.commands import Order
from connectors.sms.consent import Blocks, Keyword, consequence, keyword
from connectors.sms.lists import Quiet, Roll, quiet
from connectors.sms.numbers import NoNumber, Sort
from connectors.sms.owners import Claims, Refused
from connectors.sms.reports import FINAL, State, Tracked, after, whole


@pytest.mark.parametrize(
    ("text", "region", "id_"),
    [
        ("+1 555 123 0001", "", "+15551230001"),
        ("tel:+1-555-123-0001", "", "+15551230001"),
        ("(555) 123-0001", "US", "+15551230001"),
        ("0049 30 123456", "GB", "+4930123456"),
        ("12345;phone-context=example", "", "12345"),
    ],
)
def test_one_person_is_one_number(text: str, region: str, id_: str) -> None:
    assert numbers.number(text, region=region).id == id_


@pytest.mark.parametrize("text", ["", "ACME", "555", "+1 555 123 0001 ext. 5", "+1555123000199999", "\x00", "😀"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(NoNumber, match="expected a"):
        numbers.number(text, region="US")


@pytest.mark.parametrize(
    ("text", "id_", "sort"),
    [
        ("15551230001", "+15551230001", Sort.NUMBER),
        ("+15551230001", "+15551230001", Sort.NUMBER),
        ("12345", "12345", Sort.SHORT_CODE),
        ("ACME", "ACME", Sort.NAME),
        ("Bank of X", "Bank of X", Sort.NAME),
    ],
)
def test_who_sent_a_message(text: str, id_: str, sort: Sort) -> None:
    found = numbers.sender(text)
    assert (found.id, found.sort) == (id_, sort)
    assert found.answerable is (sort is not Sort.NAME)


def test_a_possible_number_is_routed_and_known_as_invalid() -> None:
    assert not numbers.number("+15551230001").valid
    assert numbers.number("+12025550123").valid


WORDS = {
    Keyword.STOP: "STOP|stop| Stop. |STOPALL|unsubscribe|END|Quit!|opt out|OPT-OUT|revoke|cancel",
    Keyword.START: "START|unstop|Yes",
    Keyword.HELP: "HELP|info|help?",
    None: "STOP 12345|please stop|stopp||yes we can|the end",
}


@pytest.mark.parametrize(("text", "word"), [(text, word) for word, texts in WORDS.items() for text in texts.split("|")])
def test_keywords_are_whole_messages(text: str, word: Keyword | None) -> None:
    assert keyword(text) is word


@pytest.mark.parametrize(
    ("word", "blocked", "answered", "answers", "block", "lift"),
    [
        (Keyword.STOP, False, False, True, True, False),
        (Keyword.STOP, True, False, False, False, False),  # once is enough
        (Keyword.STOP, False, True, False, True, False),  # the provider has answered
        (Keyword.START, True, False, True, False, True),
        (Keyword.START, False, False, False, False, True),
        (Keyword.START, True, True, False, False, True),
        (Keyword.HELP, False, False, True, False, False),
        (Keyword.HELP, True, False, False, False, False),
        (Keyword.HELP, False, True, False, False, False),
    ],
)
def test_what_follows_from_a_keyword(
    word: Keyword, blocked: bool, answered: bool, answers: bool, block: bool, lift: bool
) -> None:
    follows = consequence(word, blocked=blocked, answered=answered, name="Verona", contact="nurse@example.org")
    assert (bool(follows.answer), follows.block, follows.lift) == (answers, block, lift)
    assert not follows.answer or follows.answer.startswith("Verona:")


def test_a_block_is_between_two_numbers() -> None:
    blocks = Blocks()
    assert blocks.block("+1", "+2", at=1, why="STOP")
    assert not blocks.block("+1", "+2", at=2, why="STOP")
    assert blocks.has("+1", "+2")
    assert not blocks.has("+3", "+2")
    assert blocks.lift("+1", "+2", at=3, why="START")
    assert not blocks.has("+1", "+2")
    assert [(entry.at, entry.blocked, entry.why) for entry in blocks.history] == [
        (1, True, "STOP"),
        (3, False, "START"),
    ]


@pytest.mark.parametrize(("before", "report"), list(itertools.product(State, State)))
def test_reports_never_go_back(before: State, report: State) -> None:
    now = after(before, report)
    assert now in {before, report}
    if before is State.DELIVERED:
        assert now is State.DELIVERED
    elif before in FINAL:
        assert now is (State.DELIVERED if report is State.DELIVERED else before)
    elif report in FINAL:
        assert now is report
    else:
        assert after(report, before) is now  # whatever their order


def test_the_order_of_reports_does_not_matter() -> None:
    for order in itertools.permutations([State.ACCEPTED, State.SENT, State.DELIVERED]):
        state = State.QUEUED
        for report in order:
            state = after(state, report)
        assert state is State.DELIVERED


def test_a_message_is_as_far_as_its_parts() -> None:
    assert whole((State.DELIVERED, State.DELIVERED)) is State.DELIVERED
    assert whole((State.DELIVERED, State.ACCEPTED)) is State.ACCEPTED
    assert whole((State.DELIVERED, State.SENT)) is State.SENT
    assert whole((State.DELIVERED, State.EXPIRED)) is State.EXPIRED


def test_the_end_is_told_once_and_corrected_once() -> None:
    tracked = Tracked(parts=[State.QUEUED, State.QUEUED])
    assert tracked.report(0, State.DELIVERED) is None
    assert tracked.report(5, State.DELIVERED) is None
    assert tracked.report(1, State.FAILED) is State.FAILED
    assert tracked.report(1, State.FAILED) is None
    assert tracked.report(1, State.DELIVERED) is State.DELIVERED
    assert tracked.report(1, State.FAILED) is None


@pytest.mark.parametrize(
    ("text", "hours"),
    [("22-7", Quiet(1320, 420)), ("22:30-6:45", Quiet(1350, 405)), ("0-24", None), ("off", None), ("8-8", None)],
)
def test_quiet_hours(text: str, hours: Quiet | None) -> None:
    if hours is None and text != "off":
        with pytest.raises(ValueError, match="two different times"):
            quiet(text)
    else:
        assert quiet(text) == hours


@pytest.mark.parametrize("text", ["25-7", "x", "22", "22:99"])
def test_what_are_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        quiet(text)


def test_quiet_hours_may_go_over_midnight() -> None:
    night = Quiet(1320, 420)
    assert [night.covers(minute) for minute in (1319, 1320, 0, 419, 420)] == [False, True, True, True, False]
    assert night.left(1380) == 480
    assert Quiet(60, 120).covers(90)


def test_a_list_knows_who_has_left() -> None:
    roll = Roll()
    assert roll.configured(("+1", "+2"))
    assert not roll.come("+1")
    assert roll.go("+1")
    assert not roll.configured(("+1", "+2"))  # the file does not bring them back
    assert roll.come("+1")
    assert roll.call("+1", "juliet") == ""
    assert roll.call("+2", "Juliet") == "Juliet is somebody else here"
    assert roll.call("+2", "\x00") == "a name has 1 to 30 characters"
    assert roll.names() == ["…+2", "juliet"]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("/who", Order(name="who")),
        ("/ WHO", Order(name="who")),
        ("/nick Juliet C", Order(name="nick", argument="Juliet C")),
        ("JOIN friends", Order(name="join", argument="friends")),
        ("/join friends", Order(name="join", argument="friends")),
        ("/part", Order(name="leave")),
        ("/lvea", Order(name="", hint="I think you meant /leave")),
        ("/me waves", None),
        ("join us tonight?", None),
        ("hello", None),
        ("", None),
    ],
)
def test_orders(text: str, order: Order | None) -> None:
    assert commands.order(text) == order


def test_an_order_that_does_not_exist_is_no_message() -> None:
    found = commands.order("/xyzzy")
    assert found is not None
    assert found.name == ""
    assert "There is no /xyzzy" in found.hint


def test_the_answer_to_help_fits_two_messages() -> None:
    said = consent.consequence(Keyword.HELP, blocked=False, answered=False, name="Linkspan", contact="x@example.org")
    assert len(said.answer) <= 306


def test_a_number_is_whose_code_comes_back() -> None:
    juliet, romeo = Person(XMPP, PersonId("juliet@example.org")), Person(XMPP, PersonId("romeo@example.org"))
    claims = Claims(lambda below: below - 1)
    assert claims.ask(juliet, "+1", 0.0) == "999999"
    for who, code, why in ((romeo, "999999", "no code"), (juliet, "000000", "not the code")):
        with pytest.raises(Refused, match=why):
            claims.prove(who, "+1", code, 1.0)
    claims.prove(juliet, "+1", "999999", 2.0)
    with pytest.raises(Refused, match="no code"):  # it is good once
        claims.prove(juliet, "+1", "999999", 3.0)


def test_a_code_is_good_for_ten_minutes_and_five_tries() -> None:
    juliet = Person(XMPP, PersonId("juliet@example.org"))
    claims = Claims(lambda _: 7)
    claims.ask(juliet, "+1", 0.0)
    with pytest.raises(Refused, match="a moment ago"):
        claims.ask(juliet, "+1", 59.0)
    with pytest.raises(Refused, match="no code"):
        claims.prove(juliet, "+1", "000007", 601.0)
    claims.ask(juliet, "+1", 700.0)
    for _ in range(5):
        with pytest.raises(Refused, match="not the code"):
            claims.prove(juliet, "+1", "000000", 701.0)
    with pytest.raises(Refused, match="no code"):
        claims.prove(juliet, "+1", "000007", 702.0)
    for number in range(8):
        claims.ask(juliet, f"+{number + 2}", 800.0)
    with pytest.raises(Refused, match="tomorrow"):
        claims.ask(juliet, "+99", 800.0)
    assert claims.ask(juliet, "+99", 800.0 + 86_400) == "000007"
