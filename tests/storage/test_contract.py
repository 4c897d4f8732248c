"""What every store does, on memory, SQLite and PostgreSQL alike."""

import asyncio

import pytest
from msgspec.structs import replace

from bridge.connector import Cursor, Login, Secret
from bridge.core.content import Attachment, Content
from bridge.core.deliveries import Sent, Tell
from bridge.core.ids import DeliveryKey, EventKey, MessageId, MessageRef, Network, Person, PersonId, RoomId
from bridge.engine.ports import (
    SEQ_OF_MILLISECOND,
    ArchivedLine,
    DeadLetter,
    Known,
    NoSuchLine,
    Queued,
    Shared,
    Store,
    StoredLink,
    StoredLogin,
    StoredMessage,
    StoreError,
    Wanted,
)
from tests.support.build import (
    as_relay,
    direct,
    edit,
    edited,
    head,
    member,
    person,
    post,
    posted,
    react,
    reacted,
    retract,
    retracted,
    room,
    topic,
)
from tests.support.clock import START

HERE, THERE, ELSEWHERE = room("left:#a"), room("right:#b"), room("third:#c")


def queued(seq, delivery, **fields):
    return Queued(seq=seq, delivery=delivery, **fields)


def ref(name, where=HERE):
    return MessageRef(where, MessageId(name))


def key_of(entry):
    return entry.delivery.head.key


async def say(store, text, *, id, seq=0, **fields):  # noqa: A002 - what the field is called
    """Journal a message with a copy for THERE; returns what is queued."""
    entry = queued(seq, post(text, of=id))
    await store.journal(posted(text, id=id, **fields), [entry] if seq else [])
    return entry


async def lane(store, where=THERE, *, after=0, limit=100):
    return await store.queue(where, after=after, limit=limit)


# The journal and the outbox


async def test_a_new_store_is_empty(store: Store):
    assert await store.last_seq() == 0
    assert await store.lanes() == {}
    assert await lane(store) == []
    assert await store.recent(10) == []
    assert await store.cursor(HERE) is None
    assert await store.known(HERE, [EventKey("k")]) == set()
    assert await store.resolve(HERE, MessageId("m")) is None
    assert await store.message(ref("m")) is None
    assert await store.copies(ref("m"), THERE) == ()
    assert await store.dead_letters() == []
    assert await store.links() == []
    assert await store.recall(Network("left"), "cursor") is None
    assert await store.acquainted([person("juliet")]) == {}
    assert store.healthy() == ""


async def test_an_event_is_kept_with_its_deliveries(store: Store):
    first, second = queued(1, post("hi", of="m1")), queued(2, post("hi", "third:#c", of="m1"))
    await store.journal(posted("hi", id="m1"), [first, second])
    assert await store.lanes() == {THERE: 1, ELSEWHERE: 1}
    assert await lane(store) == [first]
    assert await lane(store, ELSEWHERE) == [second]
    assert await store.last_seq() == 2


async def test_a_repeat_changes_nothing(store: Store):
    await say(store, "hi", id="m1", seq=1)
    await store.journal(posted("HI!", id="m1"), [queued(2, post("HI!", "third:#c", of="m1"))])
    assert await store.lanes() == {THERE: 1}
    message = await store.message(ref("m1"))
    assert message is not None
    assert message.content.text == "hi"


async def test_repeats_within_one_batch_change_nothing(store: Store):
    writes = [
        store.journal(posted(text, id=name), [queued(seq, post(text, of=f"{name}{seq}"))])
        for seq, (name, text) in enumerate([("a", "one"), ("a", "two"), ("b", "three"), ("a", "four")], start=1)
    ]
    await asyncio.gather(*writes)
    assert [entry.delivery.content.text for entry in await lane(store)] == ["one", "three"]
    assert await store.recent(10) == [(HERE, EventKey("a")), (HERE, EventKey("b"))]


async def test_the_same_key_in_another_room_is_another_event(store: Store):
    await say(store, "hi", id="m1")
    await store.journal(posted("hi there", id="m1", where="right:#b"), [])
    assert (await store.message(ref("m1", THERE))).content.text == "hi there"
    assert (await store.message(ref("m1"))).content.text == "hi"


async def test_a_lane_is_read_in_order_and_in_pieces(store: Store):
    entries = [queued(seq, post(f"line {seq}", of=f"m{seq}")) for seq in (3, 5, 9)]
    other = queued(4, post("elsewhere", "third:#c", of="m4"))
    for entry in [*entries[:2], other, entries[2]]:
        await store.journal(posted("x", id=entry.delivery.message.id), [entry])
    assert await lane(store) == entries
    assert await lane(store, limit=2) == entries[:2]
    assert await lane(store, after=3) == entries[1:]
    assert await lane(store, after=9) == []
    assert await lane(store, limit=0) == []


async def test_what_was_queued_is_read_without_awaiting_it(store: Store):
    entry = queued(1, post("hi", of="m1"))
    pending = [
        store.journal(posted("hi", id="m1"), [entry]),
        store.postpone(replace(entry, attempts=1)),
        store.journal(edited("m1", "hello"), []),
    ]
    assert await lane(store) == [replace(entry, attempts=1)]
    pending.append(store.settle(key_of(entry), Sent((MessageId("c1"),))))
    assert await store.copies(ref("m1"), THERE) == ("c1",)
    assert (await store.message(ref("m1"))).content.text == "hello"
    await asyncio.gather(*pending)


async def test_a_caller_that_stops_waiting_stops_nothing(store: Store):
    future = asyncio.ensure_future(store.journal(posted("hi", id="m1"), []))
    future.cancel()
    assert await store.known(HERE, [EventKey("m1")]) == {"m1"}


async def test_a_thousand_messages_keep_their_order(store: Store):
    entries = [queued(seq, post(str(seq), of=f"m{seq}")) for seq in range(1, 1201)]
    writes = [store.journal(posted("x", id=f"m{entry.seq}"), [entry]) for entry in entries]
    await asyncio.gather(*writes)
    assert await lane(store, limit=2000) == entries
    await asyncio.gather(*(store.settle(key_of(entry), Sent()) for entry in entries[:-1]))
    assert await lane(store) == entries[-1:]


# What messages are called


async def test_a_message_is_found_under_its_id_and_its_aliases(store: Store):
    await say(store, "hi", id="m1", aliases=["origin-1", "m1"])
    for name in ("m1", "origin-1"):
        assert await store.resolve(HERE, MessageId(name)) == ref("m1")
        assert await store.resolve(THERE, MessageId(name)) is None


async def test_an_id_need_not_be_the_key_of_the_event(store: Store):
    await store.journal(posted("hi", id="77", key="update 1000", aliases=["78"]), [])
    assert await store.resolve(HERE, MessageId("77")) == ref("77")
    assert await store.resolve(HERE, MessageId("78")) == ref("77")
    assert await store.resolve(HERE, MessageId("update 1000")) is None
    assert (await store.message(ref("77"))).content.text == "hi"
    assert await store.message(ref("78")) is None
    assert await store.copies(ref("77"), HERE) == ("77",)


async def test_a_copy_is_found_under_each_of_its_parts(store: Store):
    entry = await say(store, "a long story", id="m1", seq=1)
    await store.settle(key_of(entry), Sent((MessageId("c1"), MessageId("c2"), MessageId("c3"))))
    assert await store.copies(ref("m1"), THERE) == ("c1", "c2", "c3")
    for part in ("c1", "c2", "c3"):
        assert await store.resolve(THERE, MessageId(part)) == ref("m1")
        assert await store.resolve(HERE, MessageId(part)) is None
    assert await store.copies(ref("m1"), ELSEWHERE) == ()
    assert await lane(store) == []


async def test_where_a_message_was_said_it_is_called_by_its_own_id(store: Store):
    await say(store, "hi", id="m1", aliases=["origin-1"])
    assert await store.copies(ref("m1"), HERE) == ("m1",)


async def test_a_network_without_ids_leaves_no_names(store: Store):
    entry = await say(store, "hi", id="m1", seq=1)
    await store.settle(key_of(entry), Sent())
    assert await store.copies(ref("m1"), THERE) == ()
    assert await store.lanes() == {}


async def test_a_reused_alias_means_the_newest_message_and_never_hides_an_id(store: Store):
    await say(store, "yesterday", id="m1", aliases=["1"])
    await say(store, "today", id="m2", aliases=["1", "m1"])
    assert await store.resolve(HERE, MessageId("1")) == ref("m2")
    assert await store.resolve(HERE, MessageId("m1")) == ref("m1")


async def test_an_alias_gives_way_to_a_copy(store: Store):
    entry = await say(store, "hi", id="m1", seq=1)
    await store.journal(posted("a thief", id="t1", where="right:#b", aliases=["c1"]), [])
    await store.settle(key_of(entry), Sent((MessageId("c1"),)))
    await store.journal(posted("another", id="t2", where="right:#b", aliases=["c1"]), [])
    assert await store.resolve(THERE, MessageId("c1")) == ref("m1")
    assert await store.copies(ref("m1"), THERE) == ("c1",)


async def test_the_line_that_corrects_a_copy_means_the_message(store: Store):
    entry = await say(store, "teh", id="m1", seq=1)
    await store.settle(key_of(entry), Sent((MessageId("c1"),)))
    correction = queued(2, edit("m1", "the"))
    await store.journal(edited("m1", "the"), [correction])
    await store.settle(key_of(correction), Sent((MessageId("c2"),)))
    assert await store.copies(ref("m1"), THERE) == ("c1",)
    assert await store.resolve(THERE, MessageId("c2")) == ref("m1")


async def test_the_line_that_shows_a_reaction_means_nothing(store: Store):
    await say(store, "hi", id="m1")
    reaction = queued(1, react("m1", "👍"))
    await store.journal(reacted("m1", "👍"), [reaction])
    await store.settle(key_of(reaction), Sent((MessageId("c2"),)))
    assert await store.resolve(THERE, MessageId("c2")) is None
    assert await lane(store) == []


async def test_a_private_message_is_a_message(store: Store):
    event = direct("psst", to=person("Romeo", "right"))
    conversation, name = event.origin.room, event.id
    delivery = Tell(
        head=head("right:romeo", source=str(conversation), event=event.origin.key),
        person=event.to,
        content=event.content,
        message=MessageRef(conversation, name),
    )
    await store.journal(event, [queued(1, delivery)])
    await store.settle(delivery.head.key, Sent((MessageId("c1"),)))
    assert await store.resolve(room("right:romeo"), MessageId("c1")) == MessageRef(conversation, name)
    assert (await store.message(MessageRef(conversation, name))).content.text == "psst"


# What messages say


async def test_a_message_is_kept_as_it_was_said(store: Store):
    juliet = member("Juliet", account="juliet", bot=True)
    event = posted("hi", by=juliet, id="m1", at=START + 7)
    await store.journal(event, [])
    assert await store.message(ref("m1")) == StoredMessage(
        ref=ref("m1"), sender=juliet, content=event.content, at=START + 7
    )


@pytest.mark.parametrize("target", ["m1", "origin-1"])
async def test_an_edit_replaces_what_a_message_says(store: Store, target):
    await say(store, "teh", id="m1", aliases=["origin-1"])
    await store.journal(edited(target, "the"), [])
    await store.journal(edited(target, "The!"), [])
    assert (await store.message(ref("m1"))).content == Content(text="The!")


async def test_an_edit_of_nothing_known_is_kept_as_a_fact(store: Store):
    await store.journal(edited("m1", "the", key="e1"), [queued(1, edit("m1", "the"))])
    assert await store.known(HERE, [EventKey("e1")]) == {"e1"}
    assert await store.message(ref("m1")) is None
    assert len(await lane(store)) == 1


async def test_a_repeated_edit_changes_nothing(store: Store):
    await say(store, "teh", id="m1")
    await store.journal(edited("m1", "the", key="e1"), [])
    await store.journal(edited("m1", "The!", key="e2"), [])
    await store.journal(edited("m1", "the", key="e1"), [])
    assert (await store.message(ref("m1"))).content.text == "The!"


async def test_a_retraction_blanks_a_message_for_good(store: Store):
    await say(store, "oops", id="m1")
    retraction = queued(1, retract("m1"))
    await store.journal(retracted("m1"), [retraction])
    await store.journal(edited("m1", "ooops"), [])
    await store.settle(key_of(retraction), Sent())
    message = await store.message(ref("m1"))
    assert message is not None
    assert message.content == Content(text="")
    assert await store.resolve(HERE, MessageId("m1")) == ref("m1")


async def test_a_moderator_may_name_a_copy(store: Store):
    entry = await say(store, "oops", id="m1", seq=1)
    await asyncio.gather(
        store.settle(key_of(entry), Sent((MessageId("c1"),))),
        store.journal(retracted("c1", by="nurse", where="right:#b", moderated=True), []),
    )
    assert (await store.message(ref("m1"))).content.text == ""


async def test_everything_between_two_commits_keeps_its_order(store: Store):
    entry = queued(1, post("one", of="m1"))
    await asyncio.gather(
        store.journal(posted("one", id="m1", aliases=["o1"]), [entry]),
        store.journal(edited("o1", "two"), []),
        store.settle(key_of(entry), Sent((MessageId("c1"),))),
        store.journal(edited("c1", "three", where="right:#b"), []),
        store.postpone(replace(entry, attempts=4)),
        store.journal(posted("four", id="m2", aliases=["o1"]), []),
        store.journal(edited("o1", "five"), []),
    )
    assert (await store.message(ref("m1"))).content.text == "three"
    assert (await store.message(ref("m2"))).content.text == "five"
    assert await lane(store) == []


# Deliveries that do not go at once


async def test_a_delivery_is_postponed_in_another_voice(store: Store):
    entry = await say(store, "hi", id="m1", seq=1)
    spoken = replace(entry.delivery, head=replace(entry.delivery.head, voice=as_relay()))
    later = Queued(seq=1, delivery=spoken, attempts=3, due=START + 60_000, reason="the puppet is banned")
    await store.postpone(later)
    assert await lane(store) == [later]
    await store.settle(key_of(later), Sent((MessageId("c1"),)))
    assert await store.copies(ref("m1"), THERE) == ("c1",)


async def test_what_is_not_in_the_outbox_cannot_be_settled_postponed_or_buried(store: Store):
    entry = queued(1, post("hi", of="m1"))
    await say(store, "hi", id="m1")
    await store.settle(key_of(entry), Sent((MessageId("c1"),)))
    await store.postpone(replace(entry, attempts=1))
    await store.bury(key_of(entry), reason="no", certain=True)
    assert await lane(store) == []
    assert await store.dead_letters() == []
    assert await store.resolve(THERE, MessageId("c1")) is None


async def test_a_delivery_is_settled_once(store: Store):
    entry = await say(store, "hi", id="m1", seq=1)
    await store.settle(key_of(entry), Sent((MessageId("c1"),)))
    await store.settle(key_of(entry), Sent((MessageId("c2"),)))
    assert await store.copies(ref("m1"), THERE) == ("c1",)


async def test_the_dead_are_kept_with_the_reason(store: Store):
    entry = await say(store, "hi", id="m1", seq=1)
    tried = replace(entry, attempts=9, due=START + 5, reason="no answer")
    await store.postpone(tried)
    await store.bury(key_of(entry), reason="given up", certain=False)
    assert await store.dead_letters() == [DeadLetter(queued=tried, reason="given up", certain=False, at=START)]
    assert await store.lanes() == {}
    assert await store.last_seq() == 1


async def test_the_dead_can_be_revived(store: Store):
    entries = [await say(store, "hi", id=f"m{seq}", seq=seq) for seq in (1, 2, 3)]
    for entry in entries:
        await store.postpone(replace(entry, attempts=5, reason="no answer", due=START + 9))
        await store.bury(key_of(entry), reason="given up", certain=True)
    unknown = DeliveryKey("0" * 32)
    assert await store.revive([key_of(entries[2]), unknown, key_of(entries[0])]) == [entries[0], entries[2]]
    assert await lane(store) == [entries[0], entries[2]]
    assert [letter.queued.seq for letter in await store.dead_letters()] == [2]
    await store.settle(key_of(entries[0]), Sent((MessageId("c1"),)))
    assert await store.copies(ref("m1"), THERE) == ("c1",)


async def test_the_revived_may_be_about_what_was_pruned(store: Store):
    entry = await say(store, "hi", id="m1", seq=1)
    await say(store, "newer", id="m2")
    await store.bury(key_of(entry), reason="given up", certain=True)
    assert await store.prune(before=START + 1, keep=1) == 1
    assert await store.revive([key_of(entry)]) == [entry]
    await store.settle(key_of(entry), Sent((MessageId("c1"),)))
    assert await store.lanes() == {}


async def test_the_dead_can_be_discarded(store: Store):
    entries = [await say(store, "hi", id=f"m{seq}", seq=seq) for seq in (1, 2)]
    for entry in entries:
        await store.bury(key_of(entry), reason="given up", certain=True)
    assert await store.discard([key_of(entries[0]), key_of(entries[0]), DeliveryKey("0" * 32)]) == 1
    assert [letter.queued for letter in await store.dead_letters()] == [entries[1]]
    assert await store.dead_letters(limit=0) == []
    assert await store.revive([]) == []


async def test_what_was_given_up_for_a_room_is_found_by_page_and_in_order(store: Store):
    entries = [await say(store, "hi", id=f"m{seq}", seq=seq) for seq in range(1, 7)]
    for entry in (entries[4], entries[0], entries[3], entries[1]):
        await store.bury(key_of(entry), reason="banned", certain=True)
    await store.bury(key_of(entries[2]), reason="no answer", certain=False)
    keys = [key_of(entry) for entry in entries]
    assert await store.given_up(THERE, after=0, limit=9) == [keys[0], keys[1], keys[3], keys[4]]
    assert await store.given_up(THERE, after=1, limit=2) == [keys[1], keys[3]]
    assert await store.given_up(room("right:#elsewhere"), after=0, limit=9) == []


async def test_one_can_die_twice(store: Store):
    entry = await say(store, "hi", id="m1", seq=1)
    for attempt in ("first", "second"):
        await store.bury(key_of(entry), reason=attempt, certain=True)
        await store.revive([key_of(entry)])
    await store.bury(key_of(entry), reason="third", certain=True)
    assert [letter.reason for letter in await store.dead_letters()] == ["third"]


# Small things


async def test_a_connector_remembers(store: Store):
    left, right = Network("left"), Network("right")
    await store.remember(left, "offset", "1")
    await store.remember(right, "offset", "2")
    await store.remember(left, "offset", "3")
    assert await store.recall(left, "offset") == "3"
    assert await store.recall(right, "offset") == "2"
    assert await store.recall(left, "token") is None


async def test_a_connector_recollects_what_begins_alike_and_forgets(store: Store):
    left, right = Network("left"), Network("right")
    for name in ("hook/a", "hook/b", "hook_c", "HOOK/d", "hoo"):
        await store.remember(left, name, name.upper())
    await store.remember(right, "hook/e", "")
    assert await store.recollect(left, "hook/") == {"hook/a": "HOOK/A", "hook/b": "HOOK/B"}
    assert await store.recollect(right, "") == {"hook/e": ""}
    assert await store.recollect(left, "%") == {}
    await store.forget(left, "hook/a")
    await store.forget(left, "hook/zzz")
    assert await store.recollect(left, "hook/") == {"hook/b": "HOOK/B"}
    assert await store.recall(left, "hook/a") is None


async def test_people_are_known_by_their_last_name_and_words(store: Store):
    juliet, romeo = person("juliet"), person("romeo", "right")
    await asyncio.gather(
        store.met(Known(person=juliet, name="Juliet", spoke=START)),
        store.met(Known(person=juliet, name="Jules")),
        store.met(Known(person=romeo, name="Romeo")),
    )
    await store.met(Known(person=romeo, name="Romeo M.", spoke=START + 1))
    await store.met(Known(person=juliet, name="Julia", spoke=START - 1))
    assert await store.acquainted([juliet, romeo, person("nurse")]) == {
        juliet: Known(person=juliet, name="Julia", spoke=START),
        romeo: Known(person=romeo, name="Romeo M.", spoke=START + 1),
    }


async def test_many_people_are_looked_up_at_once(store: Store):
    crowd = [Person(Network("left"), PersonId(f"p{number}")) for number in range(1200)]
    await asyncio.gather(*(store.met(Known(person=who, name=who.id)) for who in crowd))
    assert set(await store.acquainted(crowd)) == set(crowd)


async def test_known_facts_are_told_from_new_ones(store: Store):
    for number in range(3):
        await say(store, "hi", id=f"m{number}")
    await store.journal(topic("news"), [])
    keys = [EventKey(f"m{number}") for number in range(1500)]
    assert await store.known(HERE, keys) == {"m0", "m1", "m2"}
    assert await store.known(THERE, keys) == set()
    assert await store.known(HERE, []) == set()


async def test_recent_facts_are_told_oldest_first(store: Store):
    for number in range(4):
        await store.journal(posted("hi", id=f"m{number}", where="left:#a" if number % 2 else "right:#b"), [])
    assert await store.recent(3) == [(HERE, "m1"), (THERE, "m2"), (HERE, "m3")]
    assert await store.recent(0) == []


async def test_the_cursor_is_the_last_fact_that_was_new(store: Store):
    await say(store, "hi", id="m1", at=START + 5)
    await say(store, "replayed late", id="m0", at=START)
    await say(store, "hi", id="m1", at=START + 5)
    await store.journal(posted("hi", id="x", where="right:#b"), [])
    assert await store.cursor(HERE) == Cursor(EventKey("m0"), START)
    assert await store.cursor(THERE) == Cursor(EventKey("x"), START)


# Links


async def test_logins_are_kept_and_replaced(store: Store):
    def login(user: str, name: str, at: int, trouble: str = "") -> StoredLogin:
        one = Login(person=person(user, "xmpp"), name=name, credentials=Secret(f"secret of {name}"))
        return StoredLogin(network=Network("right"), login=one, at=at, trouble=trouble)

    assert await store.logins() == []
    await store.keep_login(login("ann@example.org", "@ann_bot", 2))
    await store.keep_login(login("bob@example.org", "@bob_bot", 1))
    await store.keep_login(login("ann@example.org", "@other_bot", 3, "revoked"))
    first, second = login("bob@example.org", "@bob_bot", 1), login("ann@example.org", "@other_bot", 3, "revoked")
    assert await store.logins() == [first, second]
    assert "secret of" not in repr(await store.logins())
    assert not await store.remove_login(Network("left"), first.login.person)
    assert await store.remove_login(Network("right"), first.login.person)
    assert not await store.remove_login(Network("right"), first.login.person)
    assert await store.logins() == [second]


async def test_links_are_kept_in_order(store: Store):
    first = StoredLink(name="dev", rooms=(THERE, HERE))
    second = StoredLink(name="ops", rooms=(room("left:#ops"), room("right:#ops"), room("third:#ops")))
    await store.add_link(first)
    await store.add_link(second)
    assert await store.links() == [first, second]
    assert await store.remove_link("dev")
    assert not await store.remove_link("dev")
    assert await store.links() == [second]
    await store.add_link(first)
    assert await store.links() == [second, first]


@pytest.mark.parametrize(
    ("name", "rooms", "sentence"),
    [
        ("dev", ("left:#x", "right:#x"), "there is already a link named dev"),
        ("ops", ("left:#x", "right:#b"), "right:#b already belongs to the link dev"),
        ("ops", ("left:#x", "left:#x"), "the link ops names a room twice"),
    ],
)
async def test_a_taken_link_is_refused(store: Store, name, rooms, sentence):
    await store.add_link(StoredLink(name="dev", rooms=(HERE, THERE)))
    with pytest.raises(StoreError, match=sentence):
        await store.add_link(StoredLink(name=name, rooms=tuple(map(room, rooms))))
    assert [link.name for link in await store.links()] == ["dev"]
    await store.journal(posted("the store goes on", id="m1"), [])
    assert await store.resolve(HERE, MessageId("m1")) == ref("m1")


# Pruning


async def test_old_facts_go_and_new_ones_stay(store: Store):
    for number in range(6):
        await say(store, "hi", id=f"m{number}", aliases=[f"o{number}"], at=START + number)
    assert await store.prune(before=START + 4, keep=3) == 3
    assert await store.recent(10) == [(HERE, f"m{number}") for number in (3, 4, 5)]
    assert await store.resolve(HERE, MessageId("o2")) is None
    assert await store.message(ref("m2")) is None
    assert await store.resolve(HERE, MessageId("o3")) == ref("m3")
    assert await store.prune(before=START + 4, keep=0) == 1
    assert await store.prune(before=START + 4, keep=0) == 0


async def test_copies_go_with_their_message(store: Store):
    entry = await say(store, "hi", id="m1", seq=1)
    await store.settle(key_of(entry), Sent((MessageId("c1"),)))
    await say(store, "newer", id="m2")
    assert await store.prune(before=START + 1, keep=1) == 1
    assert await store.resolve(THERE, MessageId("c1")) is None
    assert await store.copies(ref("m1"), THERE) == ()


async def test_what_waits_is_not_pruned(store: Store):
    waiting = await say(store, "waits", id="m1", seq=1)
    await say(store, "is reacted to", id="m2")
    reacts = reacted("m2", "👍")
    reaction = queued(2, replace(react("m2", "👍"), head=head("right:#b", event=reacts.origin.key)))
    await store.journal(reacts, [reaction])
    await say(store, "gone", id="m3")
    await say(store, "newest", id="m4")
    assert await store.prune(before=START + 1, keep=1) == 1
    assert await store.message(ref("m3")) is None
    await store.settle(key_of(waiting), Sent())
    assert await store.prune(before=START + 1, keep=1) == 1
    await store.settle(key_of(reaction), Sent())
    assert await store.prune(before=START + 1, keep=1) == 2
    assert await store.recent(10) == [(HERE, "m4")]


async def test_the_newest_fact_and_the_place_in_the_history_stay(store: Store):
    entry = await say(store, "quiet room", id="m1", seq=7)
    await store.settle(key_of(entry), Sent())
    await store.journal(posted("busy room", id="x", where="right:#b"), [])
    assert await store.prune(before=START + 1, keep=0) == 1
    assert await store.cursor(HERE) == Cursor(EventKey("m1"), START)
    assert await store.cursor(THERE) == Cursor(EventKey("x"), START)
    assert await store.last_seq() == 7
    await say(store, "again", id="m9")
    assert await store.cursor(HERE) == Cursor(EventKey("m9"), START)


async def test_a_long_history_is_pruned_in_one_call(store: Store):
    await asyncio.gather(*(store.journal(posted("hi", id=f"m{number}"), []) for number in range(2500)))
    assert await store.prune(before=START + 1, keep=10) == 2490


# What is shared by URL


async def test_what_stands_at_a_url_is_kept_until_it_expires(store: Store):
    file = Attachment(url="", handle="AgAC🚢\x00", name="ship.png", size=5, network="family")
    lasting, over = (Shared(message=ref("m1"), expires=START + later, file=file) for later in (1_000, -1_000))
    await store.share("lasting", lasting)
    await store.share("over", over)
    await store.share("page", Shared(message=ref("m2"), expires=START + 1_000))
    await store.share("lasting", over)  # the same URL never stands for anything else
    assert await store.shared("lasting") == lasting
    assert await store.shared("over") == over
    assert await store.shared("nobody's") is None
    await store.prune(before=START, keep=1)
    assert await store.shared("over") is None
    assert await store.shared("lasting") == lasting
    page = await store.shared("page")
    assert page is not None
    assert page.file is None


# Hostile values

HOSTILE = {
    "line ends": "a\r\nb\x0bc\x85d\u2028e\u2029f",
    "control characters": "".join(map(chr, range(1, 32))) + "\x7f",
    "bidi": "\u202eevil\u2066\u200f",
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈e\u0301",
    "quotes": """'";--\\ %s %(x)s ? :x {} \\N""",
    "long": "x" * 100_000,
    "empty": "",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
async def test_texts_come_back_as_they_went_in(store: Store, text):
    name = text[:300]
    event = posted(text, by=member(name), id=name or "m", aliases=[text], where=f"left:{name}")
    where = event.origin.room
    entry = queued(1, post(text, f"right:{name}", of=event.id), reason=text)
    await store.journal(event, [entry])
    await store.remember(Network("left"), name, text)
    await store.met(Known(person=person(name), name=text))
    assert (await store.message(MessageRef(where, event.id))).content.text == text
    assert await store.resolve(where, MessageId(text or "m")) == MessageRef(where, event.id)
    assert await lane(store, room(f"right:{name}")) == [entry]
    assert await store.recall(Network("left"), name) == text
    assert (await store.acquainted([person(name)]))[person(name)].name == text
    await store.bury(key_of(entry), reason=text, certain=True)
    assert (await store.dead_letters())[0].reason == text


# The archive of hosted rooms

DEV = RoomId("#dev%irc@bridge.example.org")
JULIET, ROMEO = PersonId("juliet@example.org"), PersonId("romeo@example.org")


def archived(seq, text, *, at=None, nick="bob", where=DEV):
    number = (START + seq) * SEQ_OF_MILLISECOND
    return ArchivedLine(
        seq=number,
        room=where,
        id=f"id{seq}",
        at=START + seq if at is None else at,
        nick=nick,
        head="<m",
        tail=f">{text}",
    )


async def read(store, user=JULIET, **limits):
    page = await store.archived(Wanted(room=DEV, user=user, **limits))
    return [line.tail[1:] for line in page.lines], page.index, page.count, page.complete


async def test_an_archive_is_read_by_those_who_were_there(store):
    await store.attended(DEV, JULIET, since=START)
    await store.attended(DEV, JULIET, since=START + 1)  # known already
    await store.archive([archived(1, "a"), archived(2, "b")])
    await store.attended(DEV, ROMEO, since=START + 3)
    await store.archive([archived(3, "c")])
    await store.departed(DEV, ROMEO, until=START + 3)
    await store.archive([archived(4, "d"), archived(5, "elsewhere", where=RoomId("#x%irc@bridge.example.org"))])
    assert await read(store) == (["a", "b", "c", "d"], 0, 4, True)
    assert await read(store, ROMEO) == (["c"], 0, 1, True)
    assert await store.was_there(DEV, ROMEO)
    assert not await store.was_there(DEV, PersonId("nurse@example.org"))
    await store.attended(DEV, ROMEO, since=START + 3)  # back in the same moment
    await store.archive([archived(6, "e")])
    assert (await read(store, ROMEO))[0] == ["c", "d", "e"]


async def test_what_is_archived_again_stays_as_it_is_and_costs_nothing_beside_it(store):
    await store.attended(DEV, JULIET, since=START)
    await store.archive([archived(1, "a")])
    again = replace(archived(2, "said again after a kill"), id="id1")
    await store.archive([again, archived(3, "c")])
    assert (await read(store))[0] == ["a", "c"]


async def test_pages_of_an_archive(store):
    await store.attended(DEV, JULIET, since=START)
    await store.archive([archived(number, f"m{number}", nick=f"n{number % 2}") for number in range(1, 8)])
    assert await read(store, most=2) == (["m1", "m2"], 0, 7, False)
    assert await read(store, most=2, after="id2") == (["m3", "m4"], 2, 7, False)
    assert await read(store, most=9, after="id6") == (["m7"], 6, 7, True)
    assert await read(store, most=2, before="") == (["m6", "m7"], 5, 7, False)
    assert await read(store, most=9, before="id3") == (["m1", "m2"], 0, 7, True)
    assert await read(store, most=0) == ([], 0, 7, False)
    assert await read(store, nick="n1", most=2) == (["m1", "m3"], 0, 4, False)
    assert await read(store, start=START + 3, end=START + 4) == (["m3", "m4"], 0, 2, True)
    assert await read(store, most=2, before="", counted=False) == (["m6", "m7"], 0, 0, False)
    assert await read(store, index=5, most=1) == (["m6"], 5, 7, False)
    assert await read(store, index=6) == (["m7"], 6, 7, True)
    assert await read(store, index=9) == ([], 0, 7, True)
    assert await read(store, ids=("id5", "id2")) == (["m2", "m5"], 0, 2, True)
    await store.attended(DEV, ROMEO, since=START + 3)
    for ids in (("id2", "nothing"), ("id2", "id5")):  # no such message, or said before he came
        with pytest.raises(NoSuchLine):
            await read(store, ROMEO, ids=ids)
    with pytest.raises(NoSuchLine):
        await read(store, after="nothing")
    with pytest.raises(NoSuchLine):
        await read(store, before="nothing")


async def test_a_new_run_finds_nobody_in_a_room(store):
    await store.attended(DEV, JULIET, since=START)
    await store.archive([archived(1, "a")])
    await store.all_departed(START + 1)
    await store.archive([archived(2, "b")])
    assert (await read(store))[0] == ["a"]


async def test_what_nobody_may_read_any_more_is_erased(store):
    await store.attended(DEV, JULIET, since=START)
    await store.archive([archived(1, "a")])
    await store.attended(DEV, ROMEO, since=START + 2)
    await store.archive([archived(2, "b")])
    assert await store.erase(DEV, JULIET) == 1
    assert (await read(store, ROMEO))[0] == ["b"]
    assert await store.erase(DEV, ROMEO) == 1
    assert not await store.was_there(DEV, ROMEO)


async def test_an_archive_is_pruned_by_age_and_by_number(store):
    elsewhere = RoomId("#x%irc@bridge.example.org")
    assert await store.archived_rooms() == []
    for where in (DEV, elsewhere):
        await store.attended(where, JULIET, since=START)
    await store.attended(DEV, ROMEO, since=START)
    await store.departed(DEV, ROMEO, until=START)
    await store.archive([archived(number, f"m{number}") for number in range(1, 1_203)])
    await store.archive([archived(1_300, "x", where=elsewhere)])
    assert set(await store.archived_rooms()) == {DEV, elsewhere}
    await store.prune(before=START + 2, keep=0)
    assert (await read(store, most=0))[2] == 1_202  # has a time of its own
    assert await store.prune_archive(DEV, before=START + 1_101, keep=None) == 1_100
    assert not await store.was_there(DEV, ROMEO)
    assert await store.prune_archive(DEV, before=0, keep=2) == 100
    assert await store.prune_archive(DEV, before=0, keep=2) == 0
    assert (await read(store))[0] == ["m1201", "m1202"]
    page = await store.archived(Wanted(room=elsewhere, user=JULIET))
    assert len(page.lines) == 1
    assert await store.prune_archive(DEV, before=START, keep=0) == 2
    assert await store.archived_rooms() == [elsewhere]


async def test_all_archives_together_are_pruned_to_a_number_the_oldest_first(store):
    elsewhere = RoomId("#x%irc@bridge.example.org")
    for where in (DEV, elsewhere):
        await store.attended(where, JULIET, since=START)
    await store.archive([archived(number, f"m{number}") for number in range(1, 701)])
    await store.archive([archived(800 + number, f"x{number}", where=elsewhere) for number in range(3)])
    assert await store.prune_archives(keep=703) == 0
    assert await store.prune_archives(keep=4) == 699
    assert (await read(store))[0] == ["m700"]
    assert await store.prune_archives(keep=2) == 2
    assert await store.archived_rooms() == [elsewhere]
    assert await store.prune_archives(keep=2) == 0


# What became of a message


async def test_the_fate_of_a_message_is_what_waits_what_failed_and_what_arrived(store: Store):
    copies = [
        queued(n, post("hi", of="m", to=str(where))) for n, where in enumerate((THERE, ELSEWHERE, room("fourth:#d")), 1)
    ]
    await store.journal(posted("hi", id="m"), copies)
    await store.settle(key_of(copies[0]), Sent((MessageId("copy"),)))
    await store.bury(key_of(copies[1]), reason="refused", certain=True)
    assert await store.count_dead_letters() == 1
    assert [each.seq for each in await store.waiting()] == [3]
    for where, name in ((HERE, "m"), (THERE, "copy")):  # by any of its names
        fate = await store.fate(where, MessageId(name))
        assert fate.ref == ref("m")
        assert fate.copies == {THERE: ("copy",)}
        assert [letter.reason for letter in fate.dead] == ["refused"]
        assert [each.seq for each in fate.waiting] == [3]
    assert await store.fate(ELSEWHERE, MessageId("m")) is None
