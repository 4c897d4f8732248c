"""Routing: who hears what, in whose voice; the same fact always gives the same orders."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.capabilities import Capabilities, Feature, Limit, Representation, Support, Unit
from bridge.core.content import Attachment, Content, Kind, Reply, Span, Style
from bridge.core.deliveries import (
    AsBridge,
    AsMask,
    AsPuppet,
    AsRelay,
    Delivery,
    Edit,
    Kick,
    Post,
    React,
    Retract,
    SetTopic,
    Tell,
)
from bridge.core.events import Cause
from bridge.core.ids import MessageId, MessageRef, Network, Person, PersonId
from bridge.core.routing import End, Known, Original, Plan, Policy, Refusal, Route, direct, quoted
from tests.support.build import content, edited, member, posted, puppet_left, reacted, retracted, room, topic
from tests.support.build import direct as said_in_private

MUC, DEV, OPS, MUC2, HOOK = (
    room(text) for text in ("xmpp:dev@muc.example", "libera:#dev", "libera:#ops", "xmpp:ops@muc.example", "ci:builds")
)
JULIET = member("juliet", "xmpp")
BOB = member("bob", "libera")


def able(representation: Representation, **features: Support) -> Capabilities:
    supports = dict.fromkeys(Feature, Support.NATIVE) | {Feature(name): support for name, support in features.items()}
    return Capabilities(representation=representation, text=Limit(400, Unit.BYTES), features=supports)


ADDRESS, SESSION = able(Representation.ADDRESS), able(Representation.SESSION)
ENDS = [
    End(room=MUC, capabilities=ADDRESS),
    End(room=DEV, capabilities=SESSION),
    End(room=OPS, capabilities=SESSION),
    End(room=MUC2, capabilities=ADDRESS),
]
ROUTE = Route(ENDS, policy=Policy(), instance="us")


def everybody(_room, _person):
    return True


def nobody(_room, _person):
    return False


def only(delivery_plan: Plan) -> Delivery:
    (delivery,) = delivery_plan.deliveries
    return delivery


def to(*rooms, **fields):
    return Route(
        [End(room=MUC, capabilities=ADDRESS), *(End(room=r, capabilities=c) for r, c in rooms)],
        policy=Policy(**fields),
        instance="us",
    )


def said(text="hello", by=JULIET, where="xmpp:dev@muc.example", **fields):
    return posted(text, by=by, where=where, **fields)


def test_a_message_reaches_all_other_rooms_of_the_link_once():
    plan = ROUTE.plan(said(id="m1"), shows=everybody)
    assert [delivery.head.room for delivery in plan.deliveries] == [DEV, OPS, MUC2]
    assert {delivery.content.text for delivery in plan.deliveries} == {"hello"}
    assert len({delivery.head.key for delivery in plan.deliveries}) == 3
    back = ROUTE.plan(posted("hi", by=BOB, where="libera:#ops"), shows=everybody)
    assert [delivery.head.room for delivery in back.deliveries] == [MUC, DEV, MUC2]


def test_what_a_head_says():
    event = said(id="m1", key="k1", via=("them",), at=123)
    head = ROUTE.plan(event, shows=everybody).deliveries[0].head
    assert (head.source, head.event, head.at, head.via) == (MUC, "k1", 123, ("them", "us"))
    assert len(head.key) == 32
    assert int(head.key, 16)


def test_a_room_that_is_not_in_the_link_has_nobody_to_tell():
    assert ROUTE.plan(posted("hi", where="libera:#other"), shows=everybody) == Plan()


def test_what_came_through_us_goes_nowhere():
    assert ROUTE.plan(said(via=("them", "us")), shows=everybody) == Plan(dropped="loop")


@pytest.mark.parametrize(
    ("representation", "shows", "voice"),
    [
        (Representation.SESSION, everybody, AsPuppet(member=JULIET)),
        (Representation.SESSION, nobody, AsRelay(member=JULIET)),
        (Representation.ADDRESS, everybody, AsPuppet(member=JULIET)),
        (Representation.ADDRESS, nobody, AsRelay(member=JULIET)),
        (Representation.MASK, nobody, AsMask(member=JULIET)),
        (Representation.RELAY, everybody, AsPuppet(member=JULIET)),  # who has a login of their own
        (Representation.RELAY, nobody, AsRelay(member=JULIET)),
    ],
)
def test_voices(representation, shows, voice):
    assert only(to((DEV, able(representation))).plan(said(), shows=shows)).head.voice == voice


def test_who_is_shown_is_asked_for_each_room():
    def in_dev_alone(where, who):
        assert who == JULIET.person
        return where == DEV

    voices = [delivery.head.voice for delivery in ROUTE.plan(said(), shows=in_dev_alone).deliveries]
    assert voices == [AsPuppet(member=JULIET), AsRelay(member=JULIET), AsRelay(member=JULIET)]


def test_a_network_that_is_configured_to_relay_has_no_puppets():
    route = Route([ENDS[0], End(room=DEV, capabilities=SESSION, puppets=False)], policy=Policy(), instance="us")
    assert only(route.plan(said(), shows=everybody)).head.voice == AsRelay(member=JULIET)


def test_another_bridges_puppet_gets_no_connection_but_may_have_an_address():
    puppet = msgspec.structs.replace(BOB, stand_in=True)
    voices = [d.head.voice for d in ROUTE.plan(said(by=puppet, where="libera:#ops"), shows=everybody).deliveries]
    assert voices == [AsPuppet(member=puppet), AsRelay(member=puppet), AsPuppet(member=puppet)]


def test_a_topic_that_nobody_set_is_the_bridges():
    change = topic("new", by=None, where="xmpp:dev@muc.example")
    assert [d.head.voice for d in ROUTE.plan(change, shows=everybody).deliveries] == [AsBridge()] * 3


def test_topics_are_the_links_policy():
    change = topic("new", by=JULIET, where="xmpp:dev@muc.example")
    delivery = only(to((DEV, SESSION)).plan(change, shows=everybody))
    assert isinstance(delivery, SetTopic)
    assert delivery.topic == "new"
    assert to((DEV, SESSION), topic=False).plan(change, shows=everybody) == Plan()


WAS = MessageRef(MUC, MessageId("m1"))
ORIGINAL = Original(ref=WAS, sender=JULIET, content=content("teh"))


def test_an_edit_of_ones_own_message():
    event = edited("m1", "the", by=JULIET, where="xmpp:dev@muc.example")
    plan = ROUTE.plan(event, Known(target=ORIGINAL), shows=everybody)
    assert all(isinstance(delivery, Edit) for delivery in plan.deliveries)
    assert {(d.target, d.content.text, d.previous.text) for d in plan.deliveries} == {(WAS, "the", "teh")}


def test_an_edit_under_another_nick_is_still_ones_own():
    renamed = msgspec.structs.replace(JULIET, name="jules")
    event = edited("m1", "the", by=renamed, where="xmpp:dev@muc.example")
    assert len(ROUTE.plan(event, Known(target=ORIGINAL), shows=everybody).deliveries) == 3


@pytest.mark.parametrize("sender", [member("romeo", "xmpp"), member("juliet", "libera")])
def test_nobody_edits_or_retracts_what_another_said(sender):
    known = Known(target=ORIGINAL)
    for event in (
        edited("m1", "I owe you", by=sender, where="xmpp:dev@muc.example"),
        retracted("m1", by=sender, where="xmpp:dev@muc.example"),
    ):
        plan = ROUTE.plan(event, known, shows=everybody)
        assert plan == Plan(dropped="not the sender's own message")


def test_an_edit_of_something_forgotten_is_said_anew():
    event = edited("long ago", "the", by=JULIET, where="xmpp:dev@muc.example")
    delivery = ROUTE.plan(event, shows=everybody).deliveries[0]
    assert isinstance(delivery, Post)
    assert delivery.content.text == "* the"
    assert delivery.message == MessageRef(MUC, MessageId("long ago"))


def test_edits_can_be_switched_off():
    event = edited("m1", "the", by=JULIET, where="xmpp:dev@muc.example")
    assert to((DEV, SESSION), edits=False).plan(event, Known(target=ORIGINAL), shows=everybody) == Plan()


def test_a_moderator_retracts_and_the_copy_is_taken_back_in_its_senders_voice():
    event = retracted("m1", by=member("op", "xmpp"), where="xmpp:dev@muc.example", moderated=True)
    delivery = only(to((DEV, SESSION)).plan(event, Known(target=ORIGINAL), shows=everybody))
    assert isinstance(delivery, Retract)
    assert delivery.moderated
    assert delivery.head.voice == AsPuppet(member=JULIET)


def test_a_retraction_by_who_said_it():
    event = retracted("m1", by=JULIET, where="xmpp:dev@muc.example")
    assert len(ROUTE.plan(event, Known(target=ORIGINAL), shows=everybody).deliveries) == 3


@pytest.mark.parametrize("event", [retracted("m1"), reacted("m1", "👍")])
def test_what_has_no_target_has_no_effect(event):
    route = Route([End(room=event.origin.room, capabilities=ADDRESS), ENDS[1]], policy=Policy(), instance="us")
    assert route.plan(event, shows=everybody) == Plan(dropped="target unknown")


def test_reactions_are_anybodys():
    event = reacted("m1", "👍", "🎉", by=member("romeo", "xmpp"), where="xmpp:dev@muc.example")
    delivery = only(to((DEV, SESSION)).plan(event, Known(target=ORIGINAL), shows=everybody))
    assert isinstance(delivery, React)
    assert delivery.reactions == ("👍", "🎉")
    assert delivery.head.voice == AsPuppet(member=member("romeo", "xmpp"))
    assert to((DEV, SESSION), reactions=False).plan(event, Known(target=ORIGINAL), shows=everybody) == Plan()


def test_a_reply_carries_what_can_be_quoted():
    known = Known(
        reply=Original(ref=WAS, sender=JULIET, content=Content(text="why?", spans=(Span(0, 4, Style.QUOTE),)))
    )
    delivery = only(to((DEV, SESSION)).plan(said("because"), known, shows=everybody))
    assert delivery.reply == Reply(to=WAS, name="juliet", person=JULIET.person, excerpt="> why?")
    assert quoted(Original(ref=WAS)) == Reply(to=WAS)
    assert len(quoted(Original(ref=WAS, content=content("x" * 5000))).excerpt) == 1000


def test_each_room_gets_what_its_network_can_carry():
    plain = able(Representation.SESSION, attachment=Support.FALLBACK, action=Support.FALLBACK, reply=Support.DROPPED)
    picture = Attachment(url="https://a.example/p.png")
    event = said("waves", kind=Kind.ACTION)
    event = msgspec.structs.replace(event, content=msgspec.structs.replace(event.content, attachments=(picture,)))
    plan = to((DEV, plain), (MUC2, ADDRESS)).plan(event, Known(reply=ORIGINAL), shows=everybody)
    in_words, native = plan.deliveries
    assert in_words.content == Content(text="* juliet waves\nhttps://a.example/p.png")
    assert in_words.reply is None
    assert native.content == event.content
    assert native.reply is not None


def test_a_room_that_cannot_be_told_is_named():
    rigid = able(Representation.SESSION, react=Support.REFUSED)
    event = reacted("m1", "👍", by=JULIET, where="xmpp:dev@muc.example")
    plan = to((DEV, rigid), (MUC2, ADDRESS)).plan(event, Known(target=ORIGINAL), shows=everybody)
    assert [delivery.head.room for delivery in plan.deliveries] == [MUC2]
    assert plan.refusals == (Refusal(DEV, Feature.REACT),)


def test_an_empty_message_goes_nowhere():
    assert ROUTE.plan(said(" \n"), shows=everybody) == Plan()


@pytest.mark.parametrize("cause", [Cause.KICKED, Cause.BANNED])
def test_who_is_thrown_out_as_a_puppet_is_thrown_out_at_home(cause):
    event = puppet_left(JULIET.person, where="libera:#dev", cause=cause, actor="op", reason="spam")
    kick = only(ROUTE.ousted(event, [(MUC, JULIET)]))
    assert kick == Kick(
        head=kick.head,
        person=JULIET.person,
        name="juliet",
        reason=f"{cause} by op in #dev: spam",
        ban=cause is Cause.BANNED,
    )
    assert (kick.head.room, kick.head.voice, kick.head.source) == (MUC, AsBridge(), DEV)


@pytest.mark.parametrize("cause", [Cause.LEFT, Cause.QUIT, Cause.LOST, Cause.REFUSED])
def test_a_leave_never_turns_into_a_kick(cause):
    event = puppet_left(JULIET.person, where="libera:#dev", cause=cause, final=True)
    assert ROUTE.ousted(event, [(MUC, JULIET)]) == Plan()


def test_kicks_are_the_links_policy_and_stay_inside_the_link():
    event = puppet_left(JULIET.person, where="libera:#dev", cause=Cause.KICKED)
    assert to((DEV, SESSION), kicks=False).ousted(event, [(MUC, JULIET)]) == Plan()
    assert ROUTE.ousted(event, [(HOOK, JULIET), (DEV, JULIET)]) == Plan()


def test_words_to_one_person():
    to_juliet = Person(Network("xmpp"), PersonId("juliet@example.org"))
    event = said_in_private("psst", by=BOB, to=to_juliet, where="libera:juliet")
    tell = only(direct(event, ADDRESS, puppet=True, instance="us"))
    assert isinstance(tell, Tell)
    assert (tell.person, tell.content.text, tell.message.id) == (to_juliet, "psst", event.id)
    assert tell.head.room == room("xmpp:juliet@example.org")
    assert tell.head.voice == AsPuppet(member=BOB)
    assert only(direct(event, ADDRESS, puppet=False, instance="us")).head.voice == AsRelay(member=BOB)
    refusing = able(Representation.ADDRESS, direct=Support.REFUSED)
    assert direct(event, refusing, puppet=True, instance="us") == Plan(
        refusals=(Refusal(tell.head.room, Feature.DIRECT),)
    )
    assert ROUTE.plan(event, shows=everybody) == Plan(dropped="not said in a room")


def test_the_same_fact_gives_the_same_keys_and_another_gives_others():
    one, again = said(id="m1"), said(id="m1")
    event = edited("m1", "the", by=JULIET, where="xmpp:dev@muc.example", key="m1")
    keys = [
        delivery.head.key
        for plan in (
            ROUTE.plan(one, shows=everybody),
            ROUTE.plan(again, shows=nobody),
            ROUTE.plan(event, Known(target=ORIGINAL), shows=everybody),
            ROUTE.plan(posted("x", by=BOB, where="libera:#dev", id="m1"), shows=everybody),
        )
        for delivery in plan.deliveries
    ]
    assert keys[:3] == keys[3:6]
    assert len(set(keys)) == 9


NAMES = st.sampled_from(["a", "b", "a,b", 'a"', "[", ""])


@given(st.lists(NAMES, min_size=4, max_size=4), st.lists(NAMES, min_size=4, max_size=4))
def test_keys_cannot_collide_by_concatenation(one, other):
    def key(network, source, target, fact):
        route = Route(
            [
                End(room=room(f"{network}:{source}"), capabilities=ADDRESS),
                End(room=room(f"t:{target}"), capabilities=ADDRESS),
            ],
            policy=Policy(),
            instance="us",
        )
        event = posted("x", where=f"{network}:{source}", key=fact or " ", id="m")
        return only(route.plan(event, shows=everybody)).head.key

    assert (key(*one) == key(*other)) == (one == other)


@given(st.integers(2, 5), st.data())
def test_routing_never_answers_to_the_origin(size, data):
    rooms = [room(f"n{number % 2}:#{number}") for number in range(size)]
    route = Route([End(room=each, capabilities=ADDRESS) for each in rooms], policy=Policy(), instance="us")
    source = data.draw(st.sampled_from(rooms))
    told = [d.head.room for d in route.plan(posted("x", where=str(source)), shows=everybody).deliveries]
    assert sorted([*told, source]) == sorted(rooms)
