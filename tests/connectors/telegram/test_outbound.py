"""Deliveries become calls: the name in bold, text cut to the limits, files as files."""

import pytest
from msgspec.structs import replace

from bridge.core.content import Attachment, Content, Kind, Mention, Reply, Span, Style
from bridge.core.deliveries import (
    Announce,
    AsBridge,
    AsPuppet,
    AsRelay,
    Edit,
    Head,
    Kick,
    Post,
    React,
    Retract,
    SetTopic,
    Tell,
)
from bridge.core.events import Member
from bridge.core.failures import Permanent
from bridge.core.ids import DeliveryKey, EventKey, MessageId, MessageRef, Network, Person, PersonId, Room, RoomId
from connectors.telegram.calls import Expel, Medium, Remove, Rewrite, Say, SetReaction, Show
from connectors.telegram.outbound import Writer
from connectors.telegram.rooms import Place, Rooms, Spot
from connectors.telegram.updates import Entity
from connectors.telegram.uploads import presumed

FAMILY = Network("family")
MUC = Room(Network("xmpp"), RoomId("dev@conference.example.org"))
HERE = Place(-100123)
REF = MessageRef(MUC, MessageId("s1"))
JULIET = Member(person=Person(Network("xmpp"), PersonId("juliet@example.org")), name="Juliet")
ROMEO = Member(person=Person(Network("xmpp"), PersonId("romeo@example.org")), name="Romeo")


def head(room="-100123", voice=None):
    return Head(
        key=DeliveryKey("0" * 32),
        room=Room(FAMILY, RoomId(room)),
        voice=voice or AsRelay(member=JULIET),
        source=MUC,
        event=EventKey("e1"),
        at=0,
    )


def post(text="", *, reply=None, room="-100123", voice=None, **fields):
    return Post(head=head(room, voice), message=REF, content=Content(text=text, **fields), reply=reply)


def calls(delivery, *, rooms=None, named=True):
    return Writer(FAMILY, rooms=rooms or Rooms(), largest=50_000_000).calls(delivery, named=named)


def bold(length, offset=0):
    return Entity(type="bold", offset=offset, length=length)


def say(text, *entities, place=HERE, answers=0):
    return Say(place=place, text=text, entities=entities, answers=answers)


def test_who_speaks_is_written_in_bold():
    assert calls(post("hello")) == [say("Juliet: hello", bold(6))]


@pytest.mark.parametrize(
    ("delivery", "text", "entities"),
    [
        (post("waves", kind=Kind.ACTION), "* Juliet waves", (bold(8),)),
        (post("beep", kind=Kind.NOTICE), "Juliet: beep", (bold(6),)),
        (post("hello", voice=AsBridge()), "hello", ()),
        (
            post("🚢 bold", spans=(Span(2, 6, Style.BOLD),)),
            "Juliet: 🚢 bold",
            (bold(6), bold(4, offset=11)),
        ),
        (
            post("x = 1", spans=(Span(0, 5, Style.PRE, "python"),)),
            "Juliet:\nx = 1",
            (bold(6), Entity(type="pre", offset=8, length=5, language="python")),
        ),
        (
            post("Alice!", mentions=(Mention(0, 5, Person(FAMILY, PersonId("7"))),)),
            "Juliet: Alice!",
            None,
        ),
        (post("x", voice=AsRelay(member=replace(JULIET, name="a\nb \u202e🚢"))), "a b 🚢: x", (bold(6),)),
        (post("x", voice=AsRelay(member=replace(JULIET, name=" "))), "somebody: x", (bold(8),)),
        (SetTopic(head=head(), topic="high\ntide"), "* Juliet changed the topic to “high tide”", (bold(8),)),
        (Announce(head=head(voice=AsBridge()), text="gap"), "gap", ()),
    ],
)
def test_what_is_said(delivery, text, entities):
    (call,) = calls(delivery)
    assert call.text == text
    assert entities is None or call.entities == entities


def test_a_topic_and_a_private_chat_are_places():
    assert calls(post("x", room="-100500/42"))[0].place == Place(-100500, 42)
    tell = Tell(head=head("7"), person=Person(FAMILY, PersonId("7")), content=Content(text="psst"))
    assert calls(tell) == [say("Juliet: psst", bold(6), place=Place(7))]


@pytest.mark.parametrize("room", ["#dev", "", "0", "-100123/0", "-100123/x", "12345678901234567890123"])
def test_what_is_no_room_is_refused(room):
    with pytest.raises(Permanent, match="no room of Telegram"):
        calls(post("x", room=room))


def test_who_goes_on_is_not_named_again():
    assert calls(post("and then"), named=False) == [say("and then")]
    assert calls(post("waves", kind=Kind.ACTION), named=False) == [say("* Juliet waves", bold(8))]


# -- limits


def test_long_texts_are_cut_by_utf16_units_between_graphemes():
    family = "👩‍👩‍👧‍👦"  # 11 units
    parts = calls(post(family * 800))
    sizes = [len(part.text.encode("utf-16-le")) // 2 for part in parts]
    assert all(size <= 4096 for size in sizes)
    assert "".join(part.text for part in parts) == "Juliet: " + family * 800
    assert all(part.text.removeprefix("Juliet: ").replace(family, "") == "" for part in parts)


def test_an_answer_answers_with_its_first_part_alone():
    parts = calls(post("x" * 5000, reply=Reply(to=REF, ids=(MessageId("9"), MessageId("10")))))
    assert [part.answers for part in parts] == [9, 0]


def test_parts_of_blanks_are_left_out_and_nothing_is_refused():
    parts = calls(post("x" * 4000 + " " * 200))
    assert [part.text.strip() for part in parts] == ["Juliet: " + "x" * 4000]
    with pytest.raises(Permanent, match="empty"):
        calls(post(" \n ", voice=AsBridge()))


# -- answers


def test_what_is_not_there_to_be_answered_is_quoted():
    reply = Reply(to=REF, name="Bob", excerpt="sail\nat ten " + "x" * 200)
    (call,) = calls(post("yes", reply=reply))
    quoted = f"Bob: sail at ten {'x' * 107}…"
    assert call.text == f"Juliet:\n{quoted}\nyes"
    assert call.entities[1] == Entity(type="blockquote", offset=8, length=len(quoted))
    assert call.answers == 0


def test_what_was_said_before_the_group_moved_cannot_be_answered_there():
    rooms = Rooms()
    rooms.move(-100123, -100999)
    before, after = (post("yes", reply=Reply(to=REF, ids=(MessageId(one),))) for one in ("5", "-100999/5"))
    assert calls(before, rooms=rooms) == [say("Juliet: yes", bold(6), place=Place(-100999))]
    assert calls(after, rooms=rooms) == [say("Juliet: yes", bold(6), place=Place(-100999), answers=5)]


# -- earlier messages


def edit(text, *ids):
    return Edit(head=head(), target=REF, content=Content(text=text), ids=tuple(map(MessageId, ids)))


def rewrite(number, text, *entities, anew=False):
    return Rewrite(spot=Spot(-100123, number), place=HERE, text=text, entities=entities, anew=anew)


def test_an_edit_rewrites_every_part():
    assert calls(edit("new", "5")) == [rewrite(5, "Juliet: new", bold(6))]
    long = "x" * 4088 + "y" * 4000
    first, second = calls(edit(long, "5", "6"))
    assert first == rewrite(5, "Juliet: " + "x" * 4088, bold(6))
    assert second == rewrite(6, "y" * 4000, anew=True)


def test_parts_too_many_are_deleted_and_parts_too_few_are_added():
    assert calls(edit("short", "5", "6", "7")) == [
        rewrite(5, "Juliet: short", bold(6)),
        Remove(chat=-100123, numbers=(6, 7), own=True),
    ]
    first, more = calls(edit("word " * 900, "5"))
    assert first.spot == Spot(-100123, 5)
    assert more == say(more.text)
    assert first.text + more.text == "Juliet: " + "word " * 900


def test_a_retraction_deletes_all_parts():
    ids = (MessageId("5"), MessageId("6"))
    assert calls(Retract(head=head(), target=REF, ids=ids)) == [Remove(chat=-100123, numbers=(5, 6), own=True)]
    theirs = MessageRef(Room(FAMILY, RoomId("-100123")), MessageId("5"))
    assert calls(Retract(head=head(), target=theirs, ids=ids[:1], moderated=True)) == [
        Remove(chat=-100123, numbers=(5,), own=False)
    ]


@pytest.mark.parametrize(
    "delivery",
    [
        edit("x"),
        edit("x", "not made here"),
        Retract(head=head(), target=REF),
        React(head=head(), target=REF, reactions=("👍",), ids=(MessageId("99999999999999"),)),
        Kick(head=head(), person=JULIET.person, name="Juliet"),
    ],
)
def test_what_is_about_nothing_here_is_refused(delivery):
    with pytest.raises(Permanent):
        calls(delivery)


def test_one_reaction_stands_for_everybodys():
    writer = Writer(FAMILY, rooms=Rooms(), largest=1)

    def reacts(member, *reactions):
        by = head(voice=AsRelay(member=member))
        (call,) = writer.calls(React(head=by, target=REF, reactions=reactions, ids=(MessageId("5"),)))
        assert isinstance(call, SetReaction)
        return call.emoji

    assert reacts(JULIET, "👍") == "👍"
    assert reacts(ROMEO, "❤️", "🔥") == "👍"
    assert reacts(JULIET, "🔥") == "🔥"
    assert reacts(ROMEO) == "🔥"
    assert reacts(JULIET, "🍕") == ""
    assert reacts(JULIET, "👍🏽") == "👍"


def test_somebody_is_removed():
    kick = Kick(head=head(), person=Person(FAMILY, PersonId("7")), name="Alice", ban=True)
    assert calls(kick) == [Expel(chat=-100123, user=7, ban=True)]


# -- files


def file(name, media_type="", **fields):
    return Attachment(url=f"https://files.example/{name}", name=name, media_type=media_type, **fields)


SHIP = file("ship.jpg")
QUAY = file("quay.mp4", "video/mp4")


def test_a_file_is_sent_as_what_it_is_with_the_words_as_caption():
    (call,) = calls(post("look", attachments=(SHIP,)))
    assert call == Show(
        place=HERE,
        files=(SHIP,),
        caption="Juliet: look",
        entities=(bold(6),),
        otherwise=((say(f"Juliet: look\nship.jpg: {SHIP.url}", bold(6)),),),
    )


@pytest.mark.parametrize(
    ("attachment", "kind"),
    [
        (file("a.PNG"), Medium.PHOTO),
        (file("a.bin", "image/jpeg; q=1"), Medium.PHOTO),
        (file("a.png", size=20_000_000), Medium.DOCUMENT),
        (file("a.gif"), Medium.ANIMATION),
        (file("a.mp3"), Medium.AUDIO),
        (file("a.oga"), Medium.VOICE),
        (Attachment(url="https://files.example/a.mp4?x=1#y"), Medium.VIDEO),
        (file("a.svg", "image/svg+xml"), Medium.DOCUMENT),
        (file("a.docx"), Medium.DOCUMENT),
        (file("no ending"), Medium.DOCUMENT),
        (Attachment(url="", handle="h", network="other"), Medium.DOCUMENT),
    ],
)
def test_kinds_of_files(attachment, kind):
    assert presumed(attachment) is kind
    assert calls(post(attachments=(attachment,)))[0].files == (attachment,)


@pytest.mark.parametrize(
    "attachment",
    [
        Attachment(url="aesgcm://files.example/a.jpg#00", media_type="image/jpeg"),
        Attachment(url="https://files.example/film.mp4", media_type="video/mp4", size=50_000_001),
    ],
)
def test_what_cannot_be_sent_is_told(attachment):
    (call,) = calls(post("look", attachments=(attachment,)))
    assert isinstance(call, Say)
    assert call.text.startswith("Juliet: look\n")
    assert call.text.endswith(attachment.url)


def test_a_file_without_an_address_is_named():
    (call,) = calls(post(attachments=(Attachment(url="", handle="h", network="other", name="plan.odt"),)))
    assert call.otherwise[0][0].text == "Juliet\n[plan.odt]"


def test_pictures_and_videos_make_an_album_and_the_rest_goes_alone():
    album, song, second = calls(post("look", attachments=(SHIP, QUAY, file("a.mp3"), SHIP)))
    assert album.files == (SHIP, QUAY)
    assert [[say.text for say in each] for each in album.otherwise] == [
        [f"Juliet: look\nship.jpg: {SHIP.url}"],
        [f"quay.mp4: {QUAY.url}"],
    ]
    assert (album.caption, song.caption, second.caption) == ("Juliet: look", "", "")
    many = calls(post("", attachments=(SHIP,) * 12))
    assert [len(call.files) for call in many] == [10, 2]
    assert many[0].caption == "Juliet"


def test_documents_and_sound_are_albums_of_their_own():
    pdf, song = file("a.pdf"), file("a.mp3")
    made = calls(post(attachments=(pdf, pdf, song, song, pdf, SHIP, file("a.gif"), file("b.gif"))))
    assert [len(call.files) for call in made] == [2, 2, 1, 1, 1, 1]


def test_who_has_a_bot_of_their_own_is_not_named():
    own = AsPuppet(member=JULIET)
    assert calls(post("hello", voice=own)) == [say("hello")]
    slanted = Entity(type="italic", offset=0, length=5)
    assert calls(post("waves", voice=own, kind=Kind.ACTION)) == [say("waves", slanted)]
    assert calls(post("look", voice=own, attachments=(SHIP,)))[0].caption == "look"
    reacted = React(head=head(voice=own), target=REF, reactions=("🦖", "👍"), ids=(MessageId("7"),))
    assert calls(reacted) == [SetReaction(spot=Spot(-100123, 7), emoji="👍")]


def test_words_too_long_for_a_caption_go_first():
    words, picture = calls(post("x" * 2000, attachments=(SHIP,), reply=Reply(to=REF, ids=(MessageId("9"),))))
    assert (len(words.text), words.answers, picture.caption, picture.answers) == (2008, 9, "", 0)
