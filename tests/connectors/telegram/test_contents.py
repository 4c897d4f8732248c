"""Every kind of message has one readable form. Messages are written as the Bot API sends them."""

import msgspec
import pytest

from bridge.core.content import Attachment, Content, Kind, Span, Style
from bridge.core.degrade import unreachable_named
from bridge.core.ids import Network
from connectors.telegram.contents import _ENVELOPE, SILENT, album, content, excerpt
from connectors.telegram.updates import read
from tests.support.telegram.schema import schema

ALICE = {"id": 7, "is_bot": False, "first_name": "Alice"}
GROUP = {"id": -100123, "type": "supergroup", "title": "Ferry port"}
FILE = {"file_id": "AgAC", "file_unique_id": "u"}


def update(**fields):
    message = {"message_id": 5, "date": 1_700_000_000, "chat": GROUP, "from": ALICE} | fields
    return read({"update_id": 1, "message": message})


def said(**fields):
    one = update(**fields)
    return content(one.message, one.fields, network=Network("family"), known=lambda _: None)


def as_others_read_it(**fields):
    return unreachable_named(said(**fields)).text


HERE = {"latitude": 54.18, "longitude": 12.08}
MAP = "https://www.openstreetmap.org/?mlat=54.18000&mlon=12.08000"
KINDS = {
    "a photo": (
        {
            "photo": [
                FILE | {"width": 90, "height": 68, "file_size": 900},
                FILE | {"file_id": "big", "width": 1280, "height": 960, "file_size": 230_000},
            ]
        },
        "[photo, 1280×960, 230 kB]",
    ),
    "a photo with a caption": (
        {"photo": [FILE | {"width": 1280, "height": 960}], "caption": "the quay"},
        "[photo, 1280×960] the quay",
    ),
    "a video": (
        {
            "video": FILE
            | {"width": 640, "height": 360, "duration": 67, "file_name": "quay.mp4", "mime_type": "video/mp4"}
        },
        "[quay.mp4, video, 640×360, 1:07]",
    ),
    "a video message": ({"video_note": FILE | {"length": 240, "duration": 9}}, "[video message, 240×240, 0:09]"),
    "an animation, which is a document too": (
        {"animation": FILE | {"width": 320, "height": 240, "duration": 2}, "document": FILE},
        "[animation, 320×240, 0:02]",
    ),
    "a voice message": ({"voice": FILE | {"duration": 5, "file_size": 8_000}}, "[voice message, 0:05, 8.0 kB]"),
    "music": (
        {"audio": FILE | {"duration": 185, "performer": "Otis Redding", "title": "Dock of the Bay"}},
        "[audio: Otis Redding – Dock of the Bay, 3:05]",
    ),
    "a document": (
        {"document": FILE | {"file_name": "plan\n.pdf", "mime_type": "application/pdf", "file_size": 1_200_000}},
        "[plan .pdf, 1.2 MB]",
    ),
    "a document without a name": ({"document": FILE | {"mime_type": "application/pdf"}}, "[application/pdf]"),
    "a file that bots cannot have": (
        {"document": FILE | {"file_name": "film.mkv", "file_size": 24_000_000}},
        "[film.mkv, file, too large for bots: see Telegram, 24 MB]",
    ),
    "a live photo without a photo": ({"live_photo": FILE | {"width": 9, "height": 7, "duration": 2}}, "[live photo, 9×7, 0:02]"),
    "a poll with several answers, closed": (
        {"poll": {"question": "Sail?", "options": [{"text": "yes"}], "allows_multiple_answers": True, "is_closed": True}},
        "[poll, several answers, closed: Sail?]\n1. yes",
    ),
    "a story": ({"story": {"chat": GROUP, "id": 1}}, "[story of Ferry port: see Telegram]"),
    "paid media": ({"paid_media": {"star_count": 5, "paid_media": []}}, "[pictures or films for 5 stars: see Telegram]"),
    "a giveaway": ({"giveaway": {"winner_count": 3, "prize_description": "a boat"}}, "[giveaway with 3 winners: a boat]"),
    "the winners": ({"giveaway_winners": {"winner_count": 3}}, "[a giveaway has its 3 winners]"),
    "the end of a giveaway": ({"giveaway_completed": {"winner_count": 2}}, "[a giveaway has its 2 winners]"),
    "a rich message": (
        {
            "rich_message": {
                "blocks": [
                    {"type": "heading", "size": 1, "text": "Timetable"},
                    {"type": "paragraph", "text": ["Sail ", {"type": "bold", "text": "at ten"}, "."]},
                    {"type": "divider"},
                    {
                        "type": "list",
                        "items": [
                            {"label": "1.", "blocks": [{"type": "paragraph", "text": "north"}]},
                            {"label": "2.", "blocks": [{"type": "paragraph", "text": "south"}]},
                        ],
                    },
                    {"type": "table", "cells": [[{"text": "a"}, {"text": "b"}], [{"text": "c"}, {"text": ""}]]},
                    {"type": "blockquote", "blocks": [{"type": "paragraph", "text": "ahoy"}], "credit": "Bob"},
                    {"type": "paragraph", "text": {"type": "url", "text": "here", "url": "https://x.example"}},
                    {"type": "not known yet", "text": "but read"},
                ]
            }
        },
        "Timetable\nSail at ten.\n———\n1. north\n2. south\na | b\nc | \nBob\nahoy\nhere (https://x.example)\nbut read",
    ),
    "a sticker": ({"sticker": FILE | {"emoji": "🚢", "width": 512, "height": 512}}, "[sticker 🚢]"),
    "an animated sticker": ({"sticker": FILE | {"is_animated": True}}, "[sticker]"),
    "a location": ({"location": HERE}, f"[location: 54.18000, 12.08000] {MAP}"),
    "a live location": (
        {"location": HERE | {"live_period": 900}},
        f"[live location: 54.18000, 12.08000] {MAP}",
    ),
    "a venue": (
        {"location": HERE, "venue": {"location": HERE, "title": "Quay 4", "address": "Harbour Road"}},
        f"[place: Quay 4, Harbour Road] {MAP}",
    ),
    "a contact": (
        {"contact": {"phone_number": "+15551230001", "first_name": "Bob"}},
        "[contact: Bob, +15551230001]",
    ),
    "a poll": (
        {"poll": {"question": "When?", "type": "regular", "options": [{"text": "at ten"}, {"text": "at noon"}]}},
        "[poll: When?]\n1. at ten\n2. at noon",
    ),
    "a quiz": ({"poll": {"question": "Why?", "type": "quiz", "options": []}}, "[quiz: Why?]"),
    "dice": ({"dice": {"emoji": "🎲", "value": 4}}, "[🎲 4]"),
    "a checklist": (
        {"checklist": {"title": "Casting off", "tasks": [{"text": "ropes", "completion_date": 1}, {"text": "gangway"}]}},
        "[checklist: Casting off]\n☑ ropes\n☐ gangway",
    ),
    "a game": ({"game": {"title": "Ships"}}, "[game: Ships]"),
    "an invoice": ({"invoice": {"title": "Ticket"}}, "[invoice: Ticket]"),
    "a story of somebody": ({"story": {"id": 1}}, "[story]"),
    "a kind that did not exist": ({"hologram_of_ship": {"x": 1}}, "[hologram of ship]"),
    "nothing at all": ({}, "[empty message]"),
    "a forward of somebody": (
        {
            "text": "sail at ten",
            "forward_origin": {"type": "user", "date": 1, "sender_user": ALICE | {"last_name": "Ångström"}},
        },
        "Forwarded from Alice Ångström:\nsail at ten",
    ),
    "a forward of somebody who hides": (
        {"text": "x", "forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "A. N. Other"}},
        "Forwarded from A. N. Other:\nx",
    ),
    "a forward from a channel": (
        {
            "text": "x",
            "forward_origin": {
                "type": "channel", "date": 1, "message_id": 2, "author_signature": "ed", "chat": GROUP | {"title": "News"},
            },
        },
        "Forwarded from News (ed):\nx",
    ),
    "a forward from a group": (
        {"text": "x", "forward_origin": {"type": "chat", "date": 1, "sender_chat": GROUP}},
        "Forwarded from Ferry port:\nx",
    ),
    "a forwarded photo": (
        {
            "photo": [FILE | {"width": 1, "height": 1}],
            "forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "Bob"},
        },
        "[photo, 1×1] Forwarded from Bob",
    ),
    "what a channel posts into its group is no forward": (
        {
            "text": "news",
            "is_automatic_forward": True,
            "forward_origin": {"type": "channel", "date": 1, "message_id": 2, "chat": GROUP},
        },
        "news",
    ),
    "a quoted part": ({"text": "this?", "quote": {"text": "at ten", "position": 0, "is_manual": True}}, "at ten\nthis?"),
    "a quote that Telegram made itself": ({"text": "yes", "quote": {"text": "all of it", "position": 0}}, "yes"),
    "an answer to a message elsewhere": (
        {
            "text": "oh",
            "quote": {"text": "sail at ten", "position": 0},
            "external_reply": {
                "origin": {"type": "user", "date": 1, "sender_user": ALICE | {"first_name": "Bob"}}, "chat": GROUP,
            },
        },
        "Bob in Ferry port: sail at ten\noh",
    ),
    "an answer to a picture elsewhere": (
        {"text": "oh", "external_reply": {"origin": {"type": "hidden_user", "date": 1, "sender_user_name": "Bob"}}},
        "Bob: […]\noh",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "text"), KINDS.values(), ids=KINDS.keys())
def test_what_is_said(fields, text):
    assert as_others_read_it(**fields) == text
    assert said(**fields).kind is Kind.TEXT


TOPIC = {"name": "Tides", "icon_color": 1}
SERVICE = {
    "a new name": ({"new_chat_title": "Quay"}, "changed the name to “Quay”"),
    "a new picture": ({"new_chat_photo": [FILE]}, "changed the group's picture"),
    "no picture": ({"delete_chat_photo": True}, "removed the group's picture"),
    "a pin": (
        {"pinned_message": {"message_id": 2, "date": 1, "chat": GROUP, "text": "sail\nat ten"}},
        "pinned “sail at ten”",
    ),
    "a pinned photo": (
        {"pinned_message": {"message_id": 2, "date": 1, "chat": GROUP, "photo": [FILE]}},
        "pinned “photo”",
    ),
    "a pin of what cannot be seen": (
        {"pinned_message": {"message_id": 2, "date": 0, "chat": GROUP}},
        "pinned a message",
    ),
    "a topic": ({"forum_topic_created": TOPIC}, "created the topic “Tides”"),
    "a topic's new name": ({"forum_topic_edited": {"name": "Ebb"}}, "renamed the topic to “Ebb”"),
    "a topic's new icon": ({"forum_topic_edited": {"icon_custom_emoji_id": "1"}}, "changed the topic's icon"),
    "a closed topic": ({"forum_topic_closed": {}}, "closed the topic"),
    "a video chat": ({"video_chat_started": {}}, "started a video chat"),
    "its end": ({"video_chat_ended": {"duration": 330}}, "ended the video chat (5 min)"),
    "a timer": (
        {"message_auto_delete_timer_changed": {"message_auto_delete_time": 86400}},
        "changed when messages are deleted by themselves",
    ),
    "a boost": ({"boost_added": {"boost_count": 1}}, "boosted the group"),
    "a move": ({"migrate_to_chat_id": -100999}, "made this group a supergroup"),
}


@pytest.mark.parametrize(("fields", "text"), SERVICE.values(), ids=SERVICE.keys())
def test_what_is_done_is_told_after_the_name(fields, text):
    assert said(**fields) == Content(text=text, kind=Kind.ACTION)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"chat_owner_changed": {"new_owner": ALICE}}, "gave the group to Alice"),
        ({"chat_owner_left": {}}, "left the group that they own"),
        ({"gift": {"gift": {}}}, "sent a gift"),
        (
            {
                "proximity_alert_triggered": {
                    "traveler": ALICE,
                    "watcher": ALICE | {"first_name": "Bob"},
                    "distance": 40,
                }
            },
            "said that Alice is within 40 m of Bob",
        ),
        ({"checklist_tasks_added": {"tasks": [{"id": 1, "text": "paint"}]}}, "added to the checklist: “paint”"),
        (
            {
                "checklist_tasks_done": {
                    "checklist_message": {
                        "message_id": 1,
                        "chat": GROUP,
                        "checklist": {"title": "x", "tasks": [{"id": 1, "text": "paint"}, {"id": 2, "text": "sail"}]},
                    },
                    "marked_as_done_task_ids": [1],
                    "marked_as_not_done_task_ids": [2],
                }
            },
            "ticked off “paint” and took back “sail”",
        ),
        ({"checklist_tasks_done": {"marked_as_done_task_ids": [1, 2]}}, "ticked off 2 of the checklist"),
        (
            {"poll_option_added": {"option_persistent_id": "1", "option_text": "no"}},
            "added an answer to the poll: “no”",
        ),
        (
            {"poll_option_deleted": {"option_persistent_id": "1", "option_text": "no"}},
            "removed an answer from the poll: “no”",
        ),
    ],
)
def test_less_usual_deeds(fields, text):
    assert (said(**fields).text, said(**fields).kind) == (text, Kind.ACTION)


MESSAGE = schema().fields("Message")
SAYS_NOTHING = {"guest_query_id", "sender_tag"} | _ENVELOPE | SILENT


@pytest.mark.parametrize("field", sorted(set(MESSAGE) - SAYS_NOTHING))
@pytest.mark.parametrize("value", [{}, {"nonsense": [1]}, [], "words", 7, True])
def test_no_kind_of_message_is_met_with_silence(field, value):
    """Whatever the Bot API describes, and whatever is in it: there is a line that somebody can read."""
    found = said(**{field: value})
    assert found is not None
    assert found.text.strip() or found.attachments


@pytest.mark.parametrize(
    "fields", [{"new_chat_members": [ALICE]}, {"left_chat_member": ALICE}, {"migrate_from_chat_id": -5}]
)
def test_what_is_told_as_facts_says_nothing(fields):
    assert said(**fields) is None


def test_a_file_keeps_the_handle_by_which_it_can_be_fetched():
    (file,) = said(photo=[FILE | {"width": 2, "height": 3, "file_size": 4}]).attachments
    assert file == Attachment(
        url="", handle="AgAC", media_type="image/jpeg", size=4, width=2, height=3, description="photo"
    )


def test_styles_survive_what_is_put_in_front():
    bold = {"type": "bold", "offset": 0, "length": 4}
    forwarded = said(
        text="bold", entities=[bold], forward_origin={"type": "hidden_user", "date": 1, "sender_user_name": "Bob"}
    )
    assert forwarded.spans == (Span(20, 24, Style.QUOTE), Span(20, 24, Style.BOLD))
    answer = said(text="bold", entities=[bold], quote={"text": "what?", "position": 0, "is_manual": True})
    assert answer == Content(text="what?\nbold", spans=(Span(0, 5, Style.QUOTE), Span(6, 10, Style.BOLD)))


def test_an_album_is_one_message():
    one = said(photo=[FILE | {"file_id": "a"}], caption="first", media_group_id="g")
    two = said(photo=[FILE | {"file_id": "b"}], media_group_id="g")
    three = said(
        video=FILE | {"file_id": "c"},
        caption="third",
        caption_entities=[{"type": "bold", "offset": 0, "length": 5}],
        media_group_id="g",
    )
    together = album([one, two, three])
    assert (together.text, together.spans) == ("first\nthird", (Span(6, 11, Style.BOLD),))
    assert [file.handle for file in together.attachments] == ["a", "b", "c"]


def test_an_excerpt_is_one_short_line():
    assert excerpt(update(text="one\n" + "two " * 40).message) == f"one {'two ' * 18}two…"


@pytest.mark.parametrize(
    ("fields", "text"),
    [({"text": "x", "entities": "nonsense"}, "x"), ({"poll": "nonsense"}, "[poll]"), ({"text": 5}, "[text]")],
)
def test_a_message_that_cannot_be_read_still_says_what_it_can(fields, text):
    broken = update(**fields)
    assert (broken.message.chat.id, broken.message.sender.first_name) == (-100123, "Alice")
    assert content(broken.message, broken.fields, network=Network("f"), known=lambda _: None).text == text


def test_an_update_that_says_nothing_about_itself_is_refused():
    for raw in ({"update_id": 1, "message": 5}, {"update_id": 1, "message": {"text": "x"}}, {"update_id": "x"}):
        with pytest.raises(msgspec.ValidationError):
            read(raw)
    assert read({"update_id": 1, "something_new": {}}).posted is None
