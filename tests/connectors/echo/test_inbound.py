"""Lines of the network and the events that they become."""

import pytest

from bridge.core.content import Content, Span, Style
from bridge.core.events import (
    Cause,
    DirectPosted,
    Event,
    Member,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    MessageEdited,
    MessagePosted,
    MessageRetracted,
    Origin,
    Presence,
    PuppetLeft,
    ReactionsChanged,
    Show,
    TopicChanged,
    TypingChanged,
)
from bridge.core.ids import EventKey, MessageId, Network, Person, PersonId, Room, RoomId
from connectors.echo.inbound import Reader
from connectors.echo.network import Account, Line, Verb

NETWORK = Network("garden")
ROMEO = Account(id="romeo", name="Romeo")
JULIET = Account(id="juliet", name="Juliet", away="asleep")
OURS = Account(id="f00", name="Tybalt", owner="ours")
THEIRS = Account(id="ba4", name="Nurse", owner="another bridge")

READER = Reader(NETWORK, "ours")
WHERE = Origin(room=Room(NETWORK, RoomId("#verona")), key=EventKey("7"), at=1000)


def line(verb: Verb, by: Account = ROMEO, **details: object) -> Line:
    return Line(number=7, at=1000, room="#verona", verb=verb, by=by, **details)  # type: ignore[arg-type]


def who(account: Account, **fields: object) -> Member:
    return Member(person=Person(NETWORK, PersonId(account.id)), name=account.name, **fields)  # type: ignore[arg-type]


TABLE: list[tuple[Line, Event | None]] = [
    (
        line(Verb.SAID, content=Content(text="hi")),
        MessagePosted(origin=WHERE, sender=who(ROMEO), id=MessageId("7"), content=Content(text="hi")),
    ),
    (
        line(Verb.SAID, content=Content(text="hi"), target="3"),
        MessagePosted(
            origin=WHERE, sender=who(ROMEO), id=MessageId("7"), content=Content(text="hi"), reply_to=MessageId("3")
        ),
    ),
    (
        line(Verb.EDITED, content=Content(text="ho"), target="3"),
        MessageEdited(origin=WHERE, sender=who(ROMEO), target=MessageId("3"), content=Content(text="ho")),
    ),
    (line(Verb.RETRACTED, target="3"), MessageRetracted(origin=WHERE, sender=who(ROMEO), target=MessageId("3"))),
    (
        line(Verb.REACTED, target="3", reactions=("♥",)),
        ReactionsChanged(origin=WHERE, sender=who(ROMEO), target=MessageId("3"), reactions=("♥",)),
    ),
    (line(Verb.TOPIC, text="love"), TopicChanged(origin=WHERE, topic="love", sender=who(ROMEO))),
    (line(Verb.TYPING, active=False), TypingChanged(origin=WHERE, sender=who(ROMEO), active=False)),
    (
        line(Verb.JOINED, JULIET),
        MemberJoined(origin=WHERE, member=who(JULIET, presence=Presence(Show.AWAY, "asleep"))),
    ),
    (line(Verb.LEFT, text="bye"), MemberLeft(origin=WHERE, member=who(ROMEO), reason="bye")),
    (
        line(Verb.KICKED, whom=THEIRS, text="out", banned=True),
        MemberLeft(origin=WHERE, member=who(THEIRS, stand_in=True), cause=Cause.BANNED, reason="out", actor="Romeo"),
    ),
    (
        line(Verb.RENAMED, Account(id="romeo", name="Montague"), whom=ROMEO),
        MemberRenamed(origin=WHERE, old=who(ROMEO), member=who(Account(id="romeo", name="Montague"))),
    ),
    (
        line(Verb.SAID, THEIRS, content=Content(text="hi"), mask="Peter"),
        MessagePosted(
            origin=WHERE,
            sender=who(Account(id="ba4", name="Peter"), stand_in=True),
            id=MessageId("7"),
            content=Content(text="hi"),
        ),
    ),
    (line(Verb.SAID, OURS, content=Content(text="hi")), None),
    (line(Verb.JOINED, OURS), None),
    (
        line(Verb.KICKED, OURS, whom=ROMEO),
        MemberLeft(origin=WHERE, member=who(ROMEO), cause=Cause.KICKED, actor="Tybalt"),
    ),
]


@pytest.mark.parametrize(("line", "event"), TABLE, ids=[f"{line.verb} by {line.by.name}" for line, _ in TABLE])
def test_a_line_becomes_an_event(line: Line, event: Event | None):
    assert READER.event(line) == event


def test_what_befalls_our_puppets_befalls_their_people():
    juliet = Person(Network("elsewhere"), PersonId("juliet"))
    assert READER.event(line(Verb.KICKED, whom=OURS, text="out"), whom=juliet) == PuppetLeft(
        origin=WHERE, person=juliet, cause=Cause.KICKED, reason="out", actor="Romeo", final=True
    )
    assert READER.event(line(Verb.WHISPERED, whom=OURS, content=Content(text="psst")), whom=juliet) == DirectPosted(
        origin=WHERE, sender=who(ROMEO), to=juliet, id=MessageId("7"), content=Content(text="psst")
    )


def test_the_mark_of_bridges_and_history_are_kept():
    event = READER.event(line(Verb.SAID, content=Content(text="hi"), via=("a", "b")), replayed=True)
    assert event is not None
    assert event.origin.via == ("a", "b")
    assert event.origin.replayed


def test_texts_are_cleaned_and_styles_kept_where_nothing_moved():
    bold = (Span(0, 2, Style.BOLD),)
    clean = READER.event(line(Verb.SAID, content=Content(text="hi you", spans=bold)))
    dirty = READER.event(line(Verb.SAID, content=Content(text="hi\x00 you\r\n", spans=bold)))
    assert isinstance(clean, MessagePosted)
    assert isinstance(dirty, MessagePosted)
    assert clean.content.spans == bold
    assert dirty.content == Content(text="hi you\n")


def test_names_are_one_line():
    event = READER.event(line(Verb.JOINED, Account(id="x", name="ro\r\nmeo\u202e")))
    assert isinstance(event, MemberJoined)
    assert event.member.name == "ro meo"
