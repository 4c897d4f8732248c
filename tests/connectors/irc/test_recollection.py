"""What was under way when it all ended is looked for in the channel's history, and only what is not there is said again."""

import pytest

from bridge.core.ids import RoomId
from connectors.irc.connection.marks import KEY, VIA
from connectors.irc.connection.wire import parse
from connectors.irc.reading.recollection import Recollection
from connectors.irc.speaking.outbound import Order
from tests.support.irc_stage import CHANNEL, Play, enter, puppet, settle, stage
from tests.support.ircd import NAME, Ircd

ROOM = RoomId(CHANNEL)
HOST = "bridge.example"
MASK = f"juliet_!x0a1b2c3d@{HOST}"
AT = 1_700_000_000_000
RETELLING = {"caps": "message-tags server-time batch", "isupport": "CHANTYPES=# CHANMODES=b,k,H,nt"}


def line(text, *, source=f"juliet!x0a1b2c3d@{HOST}", **tags):
    written = ";".join(f"{key}={value}" for key, value in tags.items())
    return parse(f"{f'@{written} ' if written else ''}:{source} PRIVMSG {CHANNEL} :{text}".encode())


def tagged(text, key, *, id_="m1", instance="stage"):
    return line(text, msgid=id_, **{VIA: instance, KEY: key})


@pytest.mark.parametrize(
    ("said", "tags", "ours"),
    [
        (tagged("x", "k"), True, True),
        (line("x", **{VIA: "other,stage"}), True, True),
        (tagged("x", "k"), False, True),  # whatever our own connection can do
        (line("x", **{VIA: "stage,other"}), True, False),  # it went on, and came back
        (line("x"), True, False),  # somebody else's, by the nick and host of ours
        (line("x"), False, True),
        (line("x", source=f"juliet!~x0a1b2c3d@{HOST}"), False, True),
        (line("x", source=f"juliet!juliet@{HOST}"), False, False),
        (line("x", source="juliet!x0a1b2c3d@elsewhere"), False, False),
        (line("x", source="irc.example.org"), False, False),
    ],
)
def test_whose_line_it_is(said, tags, ours):
    assert Recollection("stage").is_ours(said, tags=tags, host=HOST) is ours


def test_of_a_host_that_is_not_known_nothing_is_ours():
    assert not Recollection("stage").is_ours(line("x", source="a!x0a1b2c3d@"), tags=False, host="")


def delivery(text="hello", at=AT):
    post = Play(None, None).post("juliet", text)
    assert post.head.at == AT
    return post


def orders(*texts):
    return [Order("PRIVMSG", (CHANNEL, text)) for text in texts]


def test_a_line_is_found_by_its_key_once():
    post = delivery()
    told = Recollection("stage")
    told.note(ROOM, tagged("whatever it said", post.head.key), AT)
    assert told.found(post, orders("hello"), mask=MASK) == ["m1"]
    assert told.found(post, orders("hello"), mask=MASK) == [None]


def test_of_several_lines_those_are_found_that_are_there():
    post = delivery()
    told = Recollection("stage")
    told.note(ROOM, tagged("one", post.head.key, id_="a"), AT)
    told.note(ROOM, tagged("three", f"{post.head.key}.2", id_="c"), AT)
    assert told.found(post, orders("one", "two", "three"), mask=MASK) == ["a", None, "c"]


def test_the_same_words_under_another_key_are_another_message():
    told = Recollection("stage")
    told.note(ROOM, tagged("hello", "another"), AT)
    assert told.found(delivery(), orders("hello"), mask=MASK) == [None]


@pytest.mark.parametrize(
    ("at", "source", "text", "found"),
    [
        (AT, f"juliet!x0a1b2c3d@{HOST}", "hello", [""]),  # under another nick than now
        (AT - 999, f"juliet!x0a1b2c3d@{HOST}", "hello", [""]),  # the history has whole seconds
        (AT - 1000, f"juliet!x0a1b2c3d@{HOST}", "hello", [None]),  # before it happened
        (AT, f"romeo!xffffffff@{HOST}", "hello", [None]),
        (AT, f"juliet!x0a1b2c3d@{HOST}", "hello!", [None]),
    ],
)
def test_without_tags_words_moment_and_speaker_have_to_do(at, source, text, found):
    told = Recollection("stage")
    told.note(ROOM, line(text, source=source), at)
    assert told.found(delivery(), orders("hello"), mask=MASK) == found
    assert told.found(delivery(), orders("hello"), mask=MASK) == [None]  # each line counts once


def test_what_is_kept_of_a_channel_is_bounded_and_what_was_said_last_stays():
    told = Recollection("stage")
    post = delivery()
    for number in range(3000):
        told.note(ROOM, tagged("x", f"k{number}"), AT)
        told.note(ROOM, line(f"x{number}"), AT)
    told.note(ROOM, tagged("hello", post.head.key), AT)
    assert told.found(post, orders("hello"), mask=MASK) == ["m1"]
    assert sum(map(len, (*told._keyed.values(), *told._plain.values()))) <= 2000


def test_a_channel_that_is_told_anew_is_forgotten_before():
    told = Recollection("stage")
    post = delivery()
    told.note(ROOM, tagged("hello", post.head.key), AT)
    told.begin(ROOM)
    assert told.found(post, orders("hello"), mask=MASK) == [None]


# on the wire of a scripted server


async def asking(ircd):
    """Return the listener's side, which has asked to be let in."""
    mic = await ircd.accept()
    await mic.welcome(**RETELLING)
    await mic.expect(f"JOIN {CHANNEL}")
    return mic


def let_in(mic, *history):
    """Let it into a channel that has a history."""
    mic.send(f":{mic.mask} JOIN {CHANNEL}", f":{NAME} BATCH +h chathistory {CHANNEL}")
    mic.send(*(f"@batch=h;{said}" for said in history), f":{NAME} BATCH -h")


async def test_nothing_is_said_before_the_history_is_read_and_what_is_in_it_is_not_said_again():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await asking(ircd)
        first, second = play.post("juliet", "one"), play.post("juliet", "two")
        play.join("juliet")
        sent = [play.send(first), play.send(second)]
        told = f"msgid=m1;{VIA}=stage;{KEY}={first.head.key} :juliet!x@h PRIVMSG {CHANNEL} :one"
        let_in(mic, told)
        juliet = await puppet(ircd, mic, caps="message-tags")
        await juliet.silence()
        mic.numeric(324, CHANNEL, "+ntH", "100:1h")
        await settle(mic)
        assert (await sent[0]).ids == ("m1",)
        assert await juliet.line() == f"@{VIA}=stage;{KEY}={second.head.key} PRIVMSG {CHANNEL} :two"
        await settle(juliet)
        await sent[1]
        assert not [event for event in play.hub.events if "Posted" in type(event).__name__]


async def test_of_a_message_of_several_lines_only_the_rest_is_said_again():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await asking(ircd)
        post = play.post("juliet", "one\ntwo\nthree", relay=True)
        sent = play.send(post)
        told = f"msgid=a;{VIA}=stage;{KEY}={post.head.key} :linkspan!l@h PRIVMSG {CHANNEL} :<juliet> one"
        let_in(mic, told)
        mic.numeric(324, CHANNEL, "+ntH", "100:1h")
        await settle(mic)
        await mic.expect(
            *(
                f"@{VIA}=stage;{KEY}={post.head.key}.{n} PRIVMSG {CHANNEL} :<juliet> {text}"
                for n, text in ((1, "two"), (2, "three"))
            )
        )
        await settle(mic)
        assert (await sent).ids == ("a",)


async def test_where_there_is_no_history_lines_carry_no_key():
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await ircd.accept()
        await mic.welcome(caps="message-tags")
        await enter(mic)
        sent = play.say("juliet", "hello", relay=True)
        assert await mic.line() == f"@{VIA}=stage PRIVMSG {CHANNEL} :<juliet> hello"
        await settle(mic)
        await sent


async def test_our_own_lines_of_long_ago_confirm_nothing_that_is_said_now():
    """Their speaker is known to be ours by now, and they have the same words."""
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await asking(ircd)
        let_in(mic)
        mic.numeric(324, CHANNEL, "+ntH", "100:1h")
        await settle(mic)
        play.join("juliet")
        juliet = await puppet(ircd, mic, caps="message-tags")
        sent = play.say("juliet", "ok")
        await juliet.find(f"@{VIA}=stage")
        mic.send(f":{NAME} BATCH +h chathistory {CHANNEL}")
        mic.send(f"@batch=h;msgid=old;{VIA}=stage;{KEY}=old :{juliet.mask} PRIVMSG {CHANNEL} :ok", f":{NAME} BATCH -h")
        await mic.silence()
        assert not sent.done()
        await settle(juliet)
        await sent
