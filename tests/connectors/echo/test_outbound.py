"""Deliveries and what is done about them on the network."""

import pytest

from bridge.core.capabilities import Feature, Unit
from bridge.core.content import Content, Kind, Reply
from bridge.core.deliveries import Announce, AsBridge, Delivery, Kick, Tell
from bridge.core.failures import Permanent, Unsupported
from bridge.core.ids import MessageId, MessageRef
from connectors.echo.config import EchoSettings, capabilities
from connectors.echo.network import Verb
from connectors.echo.outbound import Act, acts, legal, needed
from tests.support.build import as_relay, edit, head, person, post, react, retract, room, set_topic

ABLE = capabilities(EchoSettings())
IDS = (MessageId("7"), MessageId("8"))
QUESTION = Reply(to=MessageRef(room(), MessageId("q")), ids=IDS)


def said(text: str, **details: object) -> Act:
    return Act(verb=Verb.SAID, content=Content(text=text), **details)  # type: ignore[arg-type]


TABLE: list[tuple[str, Delivery, list[Act]]] = [
    ("a message", post("hi"), [said("hi")]),
    ("a reply", post("be", reply=QUESTION), [said("be", target="7")]),
    ("a relay", post("hi", voice=as_relay("juliet")), [said("<juliet> hi")]),
    ("an edit", edit("m", "new", ids=IDS[:1]), [Act(verb=Verb.EDITED, target="7", content=Content(text="new"))]),
    (
        "an edit of two parts that fits into one",
        edit("m", "new", ids=IDS),
        [
            Act(verb=Verb.EDITED, target="7", content=Content(text="new")),
            Act(verb=Verb.RETRACTED, target="8"),
        ],
    ),
    (
        "a retraction takes every part",
        retract("m", ids=IDS),
        [Act(verb=Verb.RETRACTED, target="7"), Act(verb=Verb.RETRACTED, target="8")],
    ),
    ("a reaction", react("m", "♥", ids=IDS), [Act(verb=Verb.REACTED, target="7", reactions=("♥",))]),
    ("a topic", set_topic("love\r\nhate"), [Act(verb=Verb.TOPIC, text="love\ufffd\nhate")]),
    (
        "an announcement",
        Announce(head=head(voice=AsBridge()), text="welcome"),
        [Act(verb=Verb.SAID, content=Content(text="welcome", kind=Kind.NOTICE))],
    ),
    (
        "a kick",
        Kick(head=head(), person=person("romeo", "right"), name="romeo", reason="out", ban=True),
        [Act(verb=Verb.KICKED, text="out", banned=True)],
    ),
    (
        "a word in private",
        Tell(head=head(), person=person("romeo", "right"), content=Content(text="psst")),
        [Act(verb=Verb.WHISPERED, content=Content(text="psst"))],
    ),
]


@pytest.mark.parametrize(("delivery", "done"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_delivery_becomes_acts(delivery: Delivery, done: list[Act]):
    assert acts(delivery, ABLE) == done


def test_an_action_of_a_relay_names_who_acts():
    waves = post("", voice=as_relay("juliet"))
    waves = type(waves)(head=waves.head, message=waves.message, content=Content(text="waves", kind=Kind.ACTION))
    assert acts(waves, ABLE) == [said("* juliet waves")]


def test_long_texts_are_cut_and_only_the_first_part_is_the_answer():
    able = capabilities(EchoSettings(limit=10, unit=Unit.BYTES))
    done = acts(post("one two three four", reply=QUESTION), able)
    assert [act.content.text for act in done if act.content] == ["one two ", "three four"]
    assert [act.target for act in done] == ["7", ""]


def test_an_edit_that_grew_says_the_rest_anew():
    able = capabilities(EchoSettings(limit=10, unit=Unit.BYTES))
    done = acts(edit("m", "one two three", ids=IDS[:1]), able)
    assert [(act.verb, act.target) for act in done] == [(Verb.EDITED, "7"), (Verb.SAID, "7")]


def test_where_edits_are_a_fallback_they_are_said():
    able = capabilities(EchoSettings(fallback=(Feature.EDIT,)))
    assert acts(edit("m", "new", ids=IDS), able) == [said("new", target="7")]


def test_an_edit_of_nothing_fails_for_good():
    with pytest.raises(Permanent):
        acts(edit("m", "new"), ABLE)


@pytest.mark.parametrize(("delivery", "done"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_declared_refused_is_refused(delivery: Delivery, done: list[Act]):
    feature = needed(delivery)
    if feature is None:
        assert done
        return
    with pytest.raises(Unsupported) as caught:
        acts(delivery, capabilities(EchoSettings(refused=(feature,))))
    assert caught.value.feature is feature


def test_illegal_characters_are_replaced_one_by_one_so_that_offsets_stay():
    assert legal("a\x00b\x01c\nd\re\x7ff\ud800g") == "a\ufffdb\ufffdc\nd\ufffde\ufffdf\ufffdg"
