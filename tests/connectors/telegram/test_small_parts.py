"""Albums, cursors, rooms, rates, refusals, rights, settings: tables of what each decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.connector import Secret
from bridge.core.failures import AuthLost, Permanent, Retry, Uncertain
from bridge.core.ids import MessageId, Network, Person, PersonId, RoomId
from connectors.telegram.batches import ripe
from connectors.telegram.config import TelegramSettings
from connectors.telegram.cursor import Cursor
from connectors.telegram.desk import Desk
from connectors.telegram.pace import Pace, Rates
from connectors.telegram.reactions import OFFERED
from connectors.telegram.refusals import (
    Flooded,
    Meaning,
    Migrated,
    OtherReader,
    Refused,
    TokenRefused,
    Unanswered,
    Unreachable,
    failure,
    meaning,
    reason,
)
from connectors.telegram.rights import findings, lacking
from connectors.telegram.rooms import Place, Rooms, Spot, place
from connectors.telegram.updates import Chat, Message, Standing, Update, User
from tests.support.telegram.schema import schema

NOW = 1_700_000_000


def updates(*groups, date=NOW):
    """One message for each: "" belongs to no album."""
    return [
        Update(update_id=number, message=Message(message_id=number, chat=Chat(id=-1), date=date, media_group_id=group))
        for number, group in enumerate(groups, 1)
    ]


@pytest.mark.parametrize(
    ("groups", "date", "seen", "taken"),
    [
        (["", ""], NOW, set(), 2),
        (["", "a", "a", ""], NOW, set(), 1),
        (["", "a", "a", ""], NOW, {"a"}, 4),
        (["a", "b"], NOW, {"a"}, 1),
        (["a", "", "b"], NOW, {"a", "b"}, 3),
        (["", "a", "a", ""], NOW - 60, set(), 4),  # it waited: all of it is there
        ([*[""] * 98, "a", "a"], NOW - 60, set(), 98),  # unless the answer was cut off in the middle
        ([*["a"] * 10, *[""] * 90], NOW - 60, set(), 100),
        (["a"] * 100, NOW - 60, set(), 100),
    ],
)
def test_albums_are_taken_whole(groups, date, seen, taken):
    found = ripe(updates(*groups, date=date), now=NOW + 1, seen=lambda group: group[1] in seen)
    assert len(found) == taken


def test_an_album_that_comes_as_it_is_sent_waits_whatever_our_clock_says():
    late = updates("", "a", date=NOW - 3600)
    assert len(ripe(late, now=None, seen=lambda _: False)) == 1
    assert len(ripe(late, now=None, seen=lambda _: True)) == 2


def test_an_offset_is_not_trusted_for_long():
    cursor = Cursor.decode(Cursor(41, NOW).encode())
    assert cursor.offset(NOW + 60) == 42
    assert cursor.offset(NOW + 6 * 86_400) is None
    assert Cursor.decode(None).offset(NOW) is None
    assert Cursor.decode("[of another version]").offset(NOW) is None


# -- rooms


@pytest.mark.parametrize(
    ("room", "expected"),
    [
        ("-100123", Place(-100123)),
        ("-100123/42", Place(-100123, 42)),
        ("7", Place(7)),
        ("@news", None),
        ("-100123/", None),
        ("٣", None),
        ("-100123\n", None),
    ],
)
def test_rooms(room, expected):
    assert place(room) == expected


def test_a_group_may_move_twice_and_in_a_ring():
    rooms = Rooms()
    rooms.listened = {RoomId("-1"), RoomId("-2/5")}
    assert rooms.move(-1, -2)
    assert not rooms.move(-1, -2)
    assert rooms.move(-2, -3)
    assert rooms.place("-1") == Place(-3)
    assert rooms.heard(-3, None).room == "-1"
    assert rooms.heard(-3, 5).room == "-2/5"
    assert rooms.rooms_of(-3) == ["-1", "-2/5"]
    assert rooms.spot(RoomId("-1"), rooms.message_id(RoomId("-1"), Spot(-3, 7))) == Spot(-3, 7)
    assert rooms.spot(RoomId("-1"), MessageId("7")) == Spot(-1, 7)
    assert rooms.spot(RoomId("-1"), MessageId("of somebody else")) is None
    rooms.move(-3, -1)
    assert rooms.place("-1") is not None


def test_what_a_chat_is_shows_in_its_number_until_telegram_says():
    rooms = Rooms()
    assert [rooms.kind(chat) for chat in (-1_001_234_567_890, -1234, 7)] == ["supergroup", "group", "private"]
    rooms.chats[-1_001_234_567_890] = Chat(id=-1_001_234_567_890, type="channel")
    assert rooms.kind(-1_001_234_567_890) == "channel"


@pytest.mark.parametrize(
    ("place", "thread", "there"),
    [
        (Place(-1), "5", Place(-1, 5, guessed=True)),
        (Place(-1), "7", Place(-1)),  # a room of its own
        (Place(-1), "", Place(-1)),
        (Place(-1), "0", Place(-1)),
        (Place(-1), "e0ffe4", Place(-1)),
        (Place(-1), "٥", Place(-1)),
        (Place(-1), "123456789012", Place(-1)),
        (Place(-1, 7), "5", Place(-1, 7)),
    ],
)
def test_a_thread_is_the_topic_that_is_called_so(place, thread, there):
    rooms = Rooms()
    rooms.listened = {RoomId("-1"), RoomId("-1/7")}
    assert rooms.in_thread(place, thread) == there


# -- rates


def turns(pace, chat, count, now=0.0):
    return [round(pace.book(chat, now), 3) for _ in range(count)]


def test_a_chat_takes_a_short_burst_and_then_one_per_second():
    pace = Pace(Rates())
    assert turns(pace, 7, 5) == [0, 0, 0, 1, 2]
    assert turns(pace, 8, 1) == [0]
    assert turns(pace, 7, 2, now=60.0) == [0, 0]


def test_a_group_takes_twenty_in_a_minute():
    pace = Pace(Rates())
    waits = turns(pace, -7, 22)
    assert waits[:4] == [0, 0, 0, 1]
    assert waits[19] == 17
    assert waits[20:] == [60, 61]


def test_all_chats_together_take_thirty_per_second():
    pace = Pace(Rates())
    assert [pace.book(chat, 0.0) for chat in range(1, 32)] == [0.0] * 30 + [1.0]


def test_what_telegram_bars_is_barred():
    pace = Pace(Rates())
    pace.bar(-7, 30.0)
    assert (pace.barred(-7, 10.0), pace.barred(-8, 10.0), pace.barred(-7, 31.0)) == (20.0, 0.0, 0.0)
    assert pace.book(-7, 10.0) == 20.0
    assert pace.book(-8, 10.0) == 0.0


@given(st.lists(st.tuples(st.sampled_from([-1, -2, 5]), st.floats(0, 3)), max_size=120))
def test_no_window_is_ever_overfull(asked):
    pace, now, sent = Pace(Rates()), 0.0, []
    for chat, later in asked:
        now += later
        sent.append((chat, now + pace.book(chat, now)))
    for chat in (-1, -2):
        times = sorted(at for there, at in sent if there == chat)
        assert all(late - early >= 60 - 1e-6 for early, late in zip(times, times[20:], strict=False))


# -- refusals


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Message is not modified: specified new message content ...", Meaning.DONE),
        ("Message to delete not found", Meaning.DONE),
        ("Reaction_invalid", Meaning.DONE),
        ("Message to edit not found", Meaning.GONE),
        ("There is no text in the message to edit", Meaning.CAPTION),
        ("Failed to get http url content", Meaning.UNFETCHED),
        ("Webpage_curl_failed", Meaning.UNFETCHED),
        ("Message can't be deleted", Meaning.UNDELETABLE),
        ("bot was kicked from the supergroup chat", Meaning.OUTSIDE),
        ("Chat not found", Meaning.OUTSIDE),
        ("bot was blocked by the user", Meaning.NEVER),
        ("Message can't be edited", Meaning.NEVER),
        ("Something new", Meaning.NEVER),
    ],
)
def test_each_refusal_has_its_own_meaning(words, expected):
    assert meaning(Refused(words)) is expected


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("Topic_closed", "the topic is closed"),
        ("Not enough rights to restrict/unrestrict chat member", "the bot needs the right to ban users in this chat"),
        ("Something new", "Telegram says: Something new"),
    ],
)
def test_a_refusal_is_a_sentence_for_a_person(words, sentence):
    assert reason(Refused(words)) == sentence


@pytest.mark.parametrize(
    ("trouble", "once", "kind", "after"),
    [
        (Flooded(30), True, Retry, 30),
        (Migrated(-100), True, Retry, 0),
        (TokenRefused("x"), True, AuthLost, None),
        (Unreachable("x"), True, Retry, None),
        (Unanswered("x"), True, Uncertain, None),
        (Unanswered("x"), False, Retry, None),
        (OtherReader("x"), True, Retry, None),
        (Refused("x"), True, Permanent, None),
    ],
)
def test_what_a_delivery_fails_with(trouble, once, kind, after):
    found = failure(trouble, once=once)
    assert type(found) is kind
    assert getattr(found, "after", None) == after


# -- rights, reactions, conversations, settings


ME = User(id=99, is_bot=True, username="linkspan_bot")
OPEN = User(id=99, is_bot=True, username="linkspan_bot", can_read_all_group_messages=True)


@pytest.mark.parametrize(
    ("me", "status", "rights", "ok", "words"),
    [
        (ME, "left", {}, False, "not in the chat"),
        (ME, "member", {}, False, "privacy mode is on"),
        (OPEN, "member", {}, True, "sees no reactions"),
        (ME, "administrator", {}, True, "cannot delete others' messages, cannot remove people: give it these rights"),
        (ME, "administrator", {"can_delete_messages": True}, True, "the bot cannot remove people"),
        (ME, "administrator", {"can_post_messages": False}, False, "may not post in this channel"),
        (OPEN, "restricted", {"is_member": True, "can_send_messages": False}, False, "may not write here"),
        (ME, "administrator", {"can_delete_messages": True, "can_restrict_members": True}, True, "with all rights"),
        (ME, "creator", {}, True, "with all rights"),
    ],
)
def test_rights(me, status, rights, ok, words):
    own = Standing(status=status, user=me, **rights)
    (finding,) = findings("family:-1", me, own)
    assert (finding.ok, words in finding.detail) == (ok, True)
    assert bool(finding.hint) == ("all rights" not in finding.detail)
    if own.inside:
        assert bool(lacking(me, own)) == (not ok)


def test_the_reactions_are_those_that_telegram_has():
    assert set(schema().reactions) == OFFERED


def test_who_goes_on_within_the_time_and_without_anybody_between_needs_no_name():
    juliet, romeo = (Person(Network("xmpp"), PersonId(one)) for one in ("juliet", "romeo"))
    room = RoomId("-1")
    desk = Desk(group_within=60)
    assert not desk.goes_on(room, juliet, 0)
    assert desk.goes_on(room, juliet, 59)
    assert desk.goes_on(room, juliet, 118)
    assert not desk.goes_on(room, juliet, 178)
    assert not desk.goes_on(RoomId("-2"), juliet, 179)
    assert not desk.goes_on(room, romeo, 180)
    desk.spoke(room)
    assert not desk.goes_on(room, romeo, 181)
    off = Desk(group_within=0)
    assert not off.goes_on(room, juliet, 0)
    assert not off.goes_on(room, juliet, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"token": Secret("nonsense")}, "token: found something else"),
        ({"api_url": "api.telegram.org"}, "api_url: found"),
        ({"poll": 0.0}, "poll: found 0"),
        ({"poll": 60.0}, "poll: found 60"),
        ({"group_within": -1.0}, "group_within: found -1"),
    ],
)
def test_mistakes_in_the_settings_name_their_key_and_never_the_token(changes, message):
    with pytest.raises(ValueError, match=message) as found:
        TelegramSettings(**{"token": Secret("110201543:AAH"), **changes})
    assert "nonsense" not in str(found.value)
