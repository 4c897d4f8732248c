"""Updates become events: who, where, about what. Updates are written as the Bot API sends them."""

import itertools

import pytest

from bridge.core.content import Content
from bridge.core.events import (
    Cause,
    DirectPosted,
    Member,
    MemberJoined,
    MemberLeft,
    MessageEdited,
    MessagePosted,
    Origin,
    ReactionsChanged,
)
from bridge.core.ids import EventKey, MessageId, Network, Person, PersonId, Room, RoomId
from connectors.telegram.batches import grouped
from connectors.telegram.desk import Desk
from connectors.telegram.inbound import CUSTOM, Moved, Nobody, Reader, Standing
from connectors.telegram.rooms import Rooms
from connectors.telegram.updates import read

FAMILY = Network("family")
ALICE = {"id": 7, "is_bot": False, "first_name": "Alice", "last_name": "Ångström", "username": "alice"}
BOB = {"id": 8, "is_bot": False, "first_name": "Bob"}
BOT = {"id": 99, "is_bot": True, "first_name": "Linkspan", "username": "linkspan_bot"}
GROUP = {"id": -100123, "type": "supergroup", "title": "Ferry port"}
FORUM = {"id": -100500, "type": "supergroup", "title": "Forum", "is_forum": True}
CHANNEL = {"id": -100777, "type": "channel", "title": "News"}
PRIVATE = {"id": 7, "type": "private", "first_name": "Alice"}
JULIET = Person(Network("xmpp"), PersonId("juliet@example.org"))

_updates = itertools.count(1)


def person(number):
    return Person(FAMILY, PersonId(str(number)))


class NoBots:
    """Bots of people's own: those whose numbers a test puts here."""

    def __init__(self):
        self.numbers = set()
        self.came = []

    def is_one(self, number):
        return number in self.numbers

    def let_in(self, number, chat):
        self.came.append((number, chat))


class Scene:
    """A reader in rooms of the test's choice."""

    def __init__(self, *rooms):
        self.rooms = Rooms()
        self.rooms.listened = set(map(RoomId, rooms or ("-100123",)))
        self.desk = Desk(group_within=60)
        self.own = NoBots()
        self.reader = Reader(FAMILY, rooms=self.rooms, desk=self.desk, own=self.own)
        self.reader.me = BOT["id"]

    def reads(self, *raw):
        """Return the facts of all updates."""
        updates = [read({"update_id": next(_updates)} | each) for each in raw]
        return [fact for together in grouped(updates) for fact in self.reader.facts(together)]

    def hears(self, chat=GROUP, sender=ALICE, number=5, kind="message", **fields):
        """Return the facts of one message."""
        message = {"message_id": number, "date": 1_700_000_000, "chat": chat, "from": sender} | fields
        return self.reads({kind: {key: value for key, value in message.items() if value is not None}})


def only(facts):
    (fact,) = facts
    return fact


def test_a_message():
    assert only(Scene().hears(text="hello")) == MessagePosted(
        origin=Origin(room=Room(FAMILY, RoomId("-100123")), key=EventKey("5"), at=1_700_000_000_000),
        sender=Member(person=person(7), name="Alice Ångström", handle="@alice"),
        id=MessageId("5"),
        content=Content(text="hello"),
    )


def test_a_message_read_again_has_the_same_key():
    scene = Scene()
    assert only(scene.hears(text="hello")).origin == only(scene.hears(text="hello")).origin


def test_what_waited_is_marked_and_its_speaker_is_there():
    scene = Scene()
    scene.reader.replayed = True
    joined, posted = scene.hears(text="hello")
    assert (joined.member, posted.origin.replayed) == (posted.sender, True)


@pytest.mark.parametrize(
    ("sender", "fields", "name", "number"),
    [
        ({"id": 5, "is_bot": False, "first_name": ""}, {}, "user 5", 5),
        ({"id": 5, "is_bot": False, "first_name": "", "username": "x"}, {}, "x", 5),
        ({"id": 5, "is_bot": False, "first_name": "a\n\u202eb"}, {}, "a b", 5),
        ({"id": 5, "is_bot": False, "first_name": "Bob 🚢"}, {}, "Bob 🚢", 5),
        (BOT, {"sender_chat": GROUP}, "Ferry port", -100123),
        (BOT, {"sender_chat": CHANNEL}, "News", -100777),
        (None, {"sender_chat": CHANNEL, "author_signature": "ed"}, "News", -100777),
    ],
)
def test_who_speaks(sender, fields, name, number):
    member = only(Scene().hears(sender=sender, text="x", **fields)).sender
    assert (member.name, member.person) == (name, person(number))


def test_a_channel_post_is_a_message():
    posted = only(Scene("-100777").hears(CHANNEL, None, kind="channel_post", sender_chat=CHANNEL, text="news"))
    assert (posted.sender.name, posted.origin.room.id) == ("News", "-100777")


def test_what_a_channel_posts_into_its_group_is_told_once():
    copied = {"sender_chat": CHANNEL, "is_automatic_forward": True, "text": "news"}
    assert only(Scene("-100123").hears(**copied)).sender.name == "News"
    assert Scene("-100123", "-100777").hears(**copied) == []


# -- rooms


@pytest.mark.parametrize(
    ("rooms", "fields", "room", "thread"),
    [
        (["-100500", "-100500/42"], {"message_thread_id": 42, "is_topic_message": True}, "-100500/42", ""),
        (["-100500", "-100500/42"], {"message_thread_id": 43, "is_topic_message": True}, "-100500", "43"),
        (["-100500", "-100500/42"], {}, "-100500", ""),
        (["-100500"], {"message_thread_id": 42}, "-100500", ""),  # a thread of answers
    ],
)
def test_a_topic_is_a_room_or_a_thread(rooms, fields, room, thread):
    posted = only(Scene(*rooms).hears(FORUM, text="x", **fields))
    assert (posted.origin.room.id, posted.thread) == (room, thread)


def test_what_nobody_reads_is_nothing():
    assert Scene("-100500/42").hears(FORUM, text="x", message_thread_id=43, is_topic_message=True) == []
    assert Scene("-100500/42").hears(GROUP, text="x") == []


def test_a_group_that_moved_keeps_its_room_and_its_messages_apart():
    scene = Scene("-5")
    old = {"id": -5, "type": "group", "title": "Small"}
    assert only(scene.hears(old, number=3, text="before")).id == "3"
    told, moved = scene.hears(old, number=4, migrate_to_chat_id=-100123)
    assert told.content.text == "made this group a supergroup"
    assert moved == Moved(-5, -100123)
    scene.rooms.move(moved.old, moved.new)
    assert scene.hears(GROUP, number=1, migrate_from_chat_id=-5) == [Moved(-5, -100123)]
    posted = only(scene.hears(GROUP, number=3, text="after", reply_to_message={"message_id": 2, "chat": GROUP}))
    assert (posted.origin.room.id, posted.origin.key, posted.id) == ("-5", "-100123/3", "-100123/3")
    assert posted.reply_to == "-100123/2"


# -- about other messages


def test_an_answer():
    assert only(Scene().hears(text="yes", reply_to_message={"message_id": 4, "chat": GROUP, "date": 1})).reply_to == "4"


@pytest.mark.parametrize(
    ("rooms", "chat", "answers", "text"),
    [
        (("-100123",), GROUP, "4", "oh"),
        (("-100123", "-100123/9"), GROUP, None, "Bob in Ferry port: […]\noh"),
        (("-100123",), CHANNEL, None, "Bob in News: […]\noh"),
    ],
)
def test_an_answer_to_another_topic_is_one_where_all_topics_are_one_room(rooms, chat, answers, text):
    origin = {"type": "user", "date": 1, "sender_user": BOB}
    elsewhere = {"origin": origin, "chat": chat, "message_id": 4}
    topic = {"message_thread_id": 42, "is_topic_message": True}
    posted = only(Scene(*rooms).hears(text="oh", external_reply=elsewhere, **topic))
    assert (posted.reply_to, posted.content.text) == (answers, text)


def test_a_place_that_moves_is_told_once():
    scene = Scene()
    here = {"latitude": 54.0, "longitude": 12.0, "live_period": 600}
    assert only(scene.hears(location=here)).content.text.startswith("[live location")
    assert scene.hears(location=here | {"latitude": 54.1}, kind="edited_message") == []


def test_in_a_topic_everything_formally_answers_the_topic():
    scene = Scene("-100500/42")
    in_topic = {"message_thread_id": 42, "is_topic_message": True}
    first = {"message_id": 42, "chat": FORUM, "date": 1, "forum_topic_created": {"name": "x", "icon_color": 1}}
    assert only(scene.hears(FORUM, text="x", reply_to_message=first, **in_topic)).reply_to is None
    answered = {"message_id": 50, "chat": FORUM, "date": 1}
    assert only(scene.hears(FORUM, text="x", reply_to_message=answered, **in_topic)).reply_to == "50"


@pytest.mark.parametrize("kind", ["edited_message", "edited_channel_post"])
def test_an_edit(kind):
    scene = Scene()
    first, second = (only(scene.hears(kind=kind, text="new", edit_date=1_700_000_060)) for _ in range(2))
    assert isinstance(first, MessageEdited)
    assert (first.target, first.content.text, first.origin.at) == ("5", "new", 1_700_000_060_000)
    assert first.origin.key != second.origin.key


def photo(number, group="g", caption=None, **fields):
    size = {"file_id": f"f{number}", "file_unique_id": "u", "width": 1, "height": 1}
    message = {"message_id": number, "date": 1, "chat": GROUP, "from": ALICE, "photo": [size], "media_group_id": group}
    return {"message": message | ({"caption": caption} if caption else {}) | fields}


def test_an_album_is_one_message_with_the_ids_of_all():
    scene = Scene()
    between = {"message": {"message_id": 13, "date": 1, "chat": GROUP, "from": BOB, "text": "nice"}}
    posted, other = scene.reads(photo(11, caption="look"), photo(12), between, photo(14))
    assert (posted.id, posted.aliases, posted.content.text) == ("11", ("12", "14"), "look")
    assert [file.handle for file in posted.content.attachments] == ["f11", "f12", "f14"]
    assert other.content.text == "nice"


def test_an_album_that_is_edited_keeps_its_other_pictures():
    scene = Scene()
    scene.reads(photo(11, caption="look"), photo(12))
    edited = only(scene.reads({"edited_message": photo(11, caption="look!")["message"]}))
    assert (edited.target, edited.content.text, len(edited.content.attachments)) == ("11", "look!", 2)
    alone = only(Scene().reads({"edited_message": photo(11, caption="look!")["message"]}))
    assert len(alone.content.attachments) == 1


def reaction(*new, chat=GROUP, **who):
    who = who or {"user": ALICE}
    return {
        "message_reaction": {"chat": chat, "message_id": 5, "date": 3, "old_reaction": [], "new_reaction": new} | who
    }


def test_reactions():
    thumb, custom = {"type": "emoji", "emoji": "👍"}, {"type": "custom_emoji", "custom_emoji_id": "1"}
    scene = Scene()
    reacted = only(scene.reads(reaction(thumb, custom, {"type": "paid"})))
    assert isinstance(reacted, ReactionsChanged)
    assert (reacted.sender.name, reacted.target, reacted.reactions) == ("Alice Ångström", "5", ("👍", CUSTOM))
    assert only(scene.reads(reaction())).reactions == ()
    assert only(scene.reads(reaction(thumb, actor_chat=GROUP))).sender.name == "Ferry port"


def test_a_reaction_is_told_in_all_rooms_of_the_chat_since_it_does_not_name_the_topic():
    scene = Scene("-100500", "-100500/42", "-100123")
    facts = scene.reads(reaction(chat=FORUM))
    assert [fact.origin.room.id for fact in facts] == ["-100500", "-100500/42"]


# -- members


def test_people_come_and_go_and_the_bot_is_none_of_them():
    scene = Scene()
    assert [fact.member.name for fact in scene.hears(new_chat_members=[BOB, BOT])] == ["Bob"]
    gone = only(scene.hears(sender=BOB, left_chat_member=BOB))
    assert (gone.member.name, gone.cause) == ("Bob", Cause.LEFT)
    thrown = only(scene.hears(left_chat_member=BOB))
    assert (thrown.cause, thrown.actor) == (Cause.KICKED, "Alice Ångström")
    assert scene.hears(left_chat_member=BOT) == []


def test_what_somebodys_own_bot_does_was_done_by_the_bridge():
    scene = Scene()
    own = {"id": 77, "is_bot": True, "first_name": "Juliet"}
    scene.own.numbers = {77}
    assert scene.hears(new_chat_members=[own, BOB])[0].member.name == "Bob"
    assert scene.own.came == [(77, -100123)]
    assert scene.hears(sender=own, text="hello") == []
    assert scene.hears(sender=own, text="hello!", kind="edited_message") == []
    assert scene.hears(sender=own, pinned_message={"message_id": 1, "chat": GROUP, "date": 1}) == []
    reacted = {
        "chat": GROUP,
        "message_id": 5,
        "date": 1,
        "user": own,
        "new_reaction": [{"type": "emoji", "emoji": "👍"}],
    }
    assert scene.reads({"message_reaction": reacted}) == []
    assert scene.reads(became("chat_member", own, "left", "member")) == []
    assert scene.hears(left_chat_member=own) == []


def became(kind, user, old, new, *, actor=ALICE, chat=GROUP):
    return {
        kind: {
            "chat": chat, "from": actor, "date": 2,
            "old_chat_member": {"status": old, "user": user}, "new_chat_member": {"status": new, "user": user},
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "actor", "expected"),
    [
        ("left", "member", BOB, MemberJoined),
        ("member", "left", BOB, Cause.LEFT),
        ("member", "left", ALICE, Cause.KICKED),
        ("member", "kicked", ALICE, Cause.BANNED),
        ("member", "administrator", ALICE, None),
        ("kicked", "left", ALICE, None),
    ],
)
def test_what_administrators_are_told(old, new, actor, expected):
    facts = Scene().reads(became("chat_member", BOB, old, new, actor=actor))
    if expected is None:
        assert facts == []
        return
    fact = only(facts)
    assert fact.member.person == person(8)
    assert fact.cause == expected if isinstance(fact, MemberLeft) else isinstance(fact, expected)


def test_the_bots_own_standing_is_for_the_connector():
    fact = only(Scene().reads(became("my_chat_member", BOT, "member", "kicked")))
    assert isinstance(fact, Standing)
    assert not fact.became.new_chat_member.inside


# -- private chats


def test_what_answers_a_message_goes_to_whose_it_was_and_all_else_to_the_last():
    scene = Scene()
    romeo = Person(Network("xmpp"), PersonId("romeo@example.org"))
    scene.desk.passed_on(7, "30", JULIET)
    scene.desk.passed_on(7, "31", romeo)
    direct = only(scene.hears(PRIVATE, text="psst", reply_to_message={"message_id": 30, "chat": PRIVATE}))
    assert isinstance(direct, DirectPosted)
    assert (direct.to, direct.origin.room.id, direct.id, direct.content.text) == (JULIET, "7", "5", "psst")
    assert only(scene.hears(PRIVATE, text="and?")).to == romeo
    again = Scene()
    again.desk.load(7, scene.desk.saved(7))
    assert only(again.hears(PRIVATE, text="psst", reply_to_message={"message_id": 30, "chat": PRIVATE})).to == JULIET


def test_who_writes_to_the_bot_itself_is_told_how_it_works():
    scene = Scene()
    assert scene.hears(PRIVATE, text="hello?") == [Nobody(7, 5)]
    scene.desk.passed_on(7, "30", JULIET)
    assert scene.hears(PRIVATE, text="/start") == [Nobody(7, 5)]
    scene.desk.load(7, "written by another version")
    assert scene.hears(PRIVATE, text="hello?") == [Nobody(7, 5)]


def test_a_private_chat_may_be_a_room_too():
    assert isinstance(only(Scene("7").hears(PRIVATE, text="hello")), MessagePosted)


def test_a_username_is_known_from_what_its_owner_did():
    scene = Scene()
    mention = {"type": "mention", "offset": 0, "length": 6}
    assert only(scene.hears(sender=BOB, text="@alice", entities=[mention])).content.mentions == ()
    scene.hears(text="I am here")
    (found,) = only(scene.hears(sender=BOB, text="@ALICE", entities=[mention])).content.mentions
    assert found.person == person(7)
