"""Lines in, events out: what the listener reads, as facts for the bridge."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.content import Kind, Mention, Style
from bridge.core.events import (
    Cause,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    MembersListed,
    MessagePosted,
    MessageRetracted,
    Presence,
    PuppetJoined,
    Rank,
    ReactionsChanged,
    RoomChanged,
    RoomOpened,
    Show,
    TopicChanged,
    TypingChanged,
)
from bridge.core.ids import Network, Person, PersonId, RoomId
from connectors.irc.connection.client import isupport_of
from connectors.irc.connection.wire import parse
from connectors.irc.reading.channels import View, covers
from connectors.irc.reading.inbound import Batches, Inbound

NOW = 1_700_000_000_000
ROOM = RoomId("#Dev")
ROMEO = Person(Network("xmpp"), PersonId("romeo@example.org"))
TOKENS = ("CHANTYPES=#", "PREFIX=(qaohv)~&@%+", "STATUSMSG=~&@%+", "CASEMAPPING=rfc1459", "BOT=B", "WHOX")


class Reader:
    """An Inbound that is fed with lines; "romeo" is a puppet of ours, "linkspan" the listener."""

    def __init__(self, *, listed="bob alice romeo linkspan"):
        self.view = View(
            Network("irc"),
            isupport_of((*TOKENS, "CHANMODES=beI,k,l,imnpst"), ("", "")),
            me="linkspan",
            rooms=lambda name: ROOM if self.view.fold(name) == "#dev" else None,
            owns=lambda nick: nick == "romeo",
        )
        self.inbound = Inbound(self.view, puppet={"romeo": ROMEO}.get, run=1)
        self.batches = Batches()
        if listed:
            self.inbound.opened("#dev", NOW)
            self.read(f":irc.test 353 linkspan = #dev :{listed}")
            self.inbound.listed("#dev", NOW)

    def read(self, *lines):
        events = []
        for line in lines:
            events += self.inbound.read(parse(line.encode()), NOW, self.batches)
        return events

    def one(self, *lines):
        (event,) = self.read(*lines)
        return event

    def direct(self, line):
        return self.inbound.direct(parse(line.encode()), ROMEO, NOW)


@pytest.fixture
def reader():
    return Reader()


def test_a_message_has_the_servers_id_and_time_and_the_bridges_it_came_through(reader):
    event = reader.one(
        "@time=2023-11-14T22:13:20.123Z;msgid=abc;account=Bobby;+linkspan/via=one,two :Bob!b@h PRIVMSG #DEV :hi"
    )
    assert isinstance(event, MessagePosted)
    assert (event.id, event.origin.key, event.origin.at) == ("abc", "abc", 1_700_000_000_123)
    assert event.origin.room.id == "#Dev"
    assert event.origin.via == ("one", "two")
    assert (event.sender.person.id, event.sender.name, event.sender.account) == ("bob", "Bob", "Bobby")
    assert event.sender.address == "Bob!b@h"


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        ("PRIVMSG #dev :plain", Kind.TEXT, "plain"),
        ("PRIVMSG #dev word", Kind.TEXT, "word"),
        ("NOTICE #dev :mind the gap", Kind.NOTICE, "mind the gap"),
        ("PRIVMSG #dev :\x01ACTION waves\x01", Kind.ACTION, "waves"),
        ("PRIVMSG #dev :\x01ACTION waves", Kind.ACTION, "waves"),
        ("PRIVMSG @#dev :for operators", Kind.TEXT, "for operators"),
        ("PRIVMSG #dev :\x0304,01red\x03 \x02bold\x0f", Kind.TEXT, "red bold"),
        ("PRIVMSG #dev :bell\x07 null\x1bescape", Kind.TEXT, "bell nullescape"),
        ("PRIVMSG #dev :\u202eevil", Kind.TEXT, "\u202eevil\u202c"),
    ],
)
def test_what_was_said(reader, line, kind, text):
    event = reader.one(f":bob!b@h {line}")
    assert (event.content.kind, event.content.text) == (kind, text)


@pytest.mark.parametrize(
    "line",
    [
        ":romeo!r@h PRIVMSG #dev :by a puppet of ours",
        ":linkspan!l@h PRIVMSG #dev :by the listener (echo-message)",
        ":linkspan!l@h TAGMSG #dev",
        ":bob!b@h PRIVMSG #other :elsewhere",
        ":bob!b@h PRIVMSG linkspan :to us alone",
        ":bob!b@h PRIVMSG #dev :\x01VERSION\x01",
        ":bob!b@h PRIVMSG #dev :\x01",
        ":bob!b@h PRIVMSG #dev :\x02\x02",
        ":bob!b@h PRIVMSG #dev :   ",
        ":bob!b@h PRIVMSG #dev",
        ":bob!b@h PRIVMSG",
        ":irc.test NOTICE #dev :*** bob invited carol",
        ":bob!b@h TAGMSG #dev",
        ":bob!b@h REDACT #dev",
        ":romeo!r@h REDACT #dev abc",
        ":romeo!r@h TOPIC #dev :ours",
        ":bob!b@h MODE #dev +b nobody!*@*",
        ":bob!b@h MODE #dev -o alice",
        ":bob!b@h MODE #dev +o linkspan",
        ":bob!b@h MODE #dev +o stranger",
        ":bob!b@h MODE #elsewhere +o alice",
        ":bob!b@h CHGHOST new host",
        ":irc.test 999 linkspan :what",
        "BATCH",
        ":bob!b@h KICK #dev",
        ":nobody!n@h QUIT :gone",
        ":nobody!n@h NICK",
        ":nobody!n@h PART #dev",
        ":romeo!r@h PART #dev",
        ":alice!a@h KICK #dev romeo :out",
        ":romeo!r@h NICK juliet",
        ":romeo!r@h AWAY :gone",
        ":romeo!r@h QUIT :bye",
    ],
)
def test_what_makes_no_event(reader, line):
    assert reader.read(line) == []


def test_spans_and_mentions_are_counted_in_the_clean_text(reader):
    event = reader.one(":bob!b@h PRIVMSG #dev :\x07alice: \x02look\x02")
    assert event.content.text == "alice: look"
    assert [(span.start, span.end, span.style) for span in event.content.spans] == [(7, 11, Style.BOLD)]
    assert event.content.mentions == (Mention(0, 5, Person(Network("irc"), PersonId("alice"))),)


def test_who_addresses_a_puppet_means_its_person(reader):
    assert reader.one(":bob!b@h PRIVMSG #dev :Romeo, are you there").content.mentions == (Mention(0, 5, ROMEO),)
    assert reader.one(":bob!b@h PRIVMSG #dev :nobody: hm").content.mentions == ()
    assert reader.one(":bob!b@h PRIVMSG #dev :bob:smile").content.mentions == ()


def test_without_ids_every_line_is_a_fact_of_its_own(reader):
    ids = {event.id for event in reader.read(*[":bob!b@h PRIVMSG #dev :+1"] * 3)}
    assert len(ids) == 3
    again = Reader()
    again.inbound._run = 2
    assert again.one(":bob!b@h PRIVMSG #dev :+1").id not in ids


def test_with_times_but_no_ids_a_replay_has_the_ids_of_the_first_time(reader):
    said = [f"@time=2023-11-14T22:13:20.{ms}Z :bob!b@h PRIVMSG #dev :+1" for ms in ("100", "100", "200")]
    live = [event.id for event in reader.read(*said)]
    assert len(set(live)) == 3
    replay = ["BATCH +h chathistory #dev", *(f"@batch=h;{line[1:]}" for line in said), "BATCH -h"]
    events = Reader().read(*replay)
    assert [event.id for event in events] == live
    assert all(event.origin.replayed for event in events)


def test_history_says_nothing_of_who_is_here_now(reader):
    events = reader.read(
        "BATCH +outer labeled-response",
        "@batch=outer BATCH +h chathistory #dev",
        "@batch=h :carol!c@h JOIN #dev",
        "@batch=h :carol!c@h PRIVMSG #dev :then",
        "@batch=h :bob!b@h QUIT :then",
        "BATCH -h",
        "BATCH -outer",
    )
    assert [type(event) for event in events] == [MessagePosted]
    assert reader.view.user("carol") is None
    assert reader.view.user("bob") is not None


@pytest.mark.parametrize("stamp", ["yesterday", "", "2023-11-14", "99999-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none_is_now_or_at_least_does_not_harm(reader, stamp):
    event = reader.one(f"@time={stamp};msgid=x :bob!b@h PRIVMSG #dev :hi")
    assert isinstance(event.origin.at, int)


def test_a_reply_names_what_it_answers(reader):
    assert reader.one("@+draft/reply=abc :bob!b@h PRIVMSG #dev :yes").reply_to == "abc"
    assert reader.one("@+reply=abd :bob!b@h PRIVMSG #dev :yes").reply_to == "abd"


def test_reactions_come_one_by_one_and_are_told_as_a_set(reader):
    def react(tags):
        event = reader.one(f"@{tags};+draft/reply=abc :bob!b@h TAGMSG #dev")
        assert isinstance(event, ReactionsChanged)
        return event.target, event.reactions

    assert react("+draft/react=👍") == ("abc", ("👍",))
    assert react("+draft/react=🎉") == ("abc", ("👍", "🎉"))
    assert react("+draft/react=👍") == ("abc", ("🎉", "👍"))
    assert react("+draft/unreact=🎉") == ("abc", ("👍",))
    assert react("+draft/unreact=👍") == ("abc", ())


def test_typing(reader):
    assert [reader.one(f"@+typing={state} :bob!b@h TAGMSG #dev").active for state in ("active", "paused", "done")] == [
        True,
        False,
        False,
    ]
    assert isinstance(reader.one("@+typing=active :bob!b@h TAGMSG #dev"), TypingChanged)


def test_a_redaction_by_an_operator_is_moderation(reader):
    event = reader.one(":bob!b@h REDACT #dev abc :spam")
    assert isinstance(event, MessageRetracted)
    assert (event.target, event.reason, event.moderated) == ("abc", "spam", False)
    reader.read(":irc.test MODE #dev +h bob")
    assert reader.one(":bob!b@h REDACT #dev abd").moderated


# who is where


def test_members_are_listed_once_everything_is_known():
    reader = Reader(listed="")
    assert isinstance(reader.inbound.opened("#dev", NOW)[0], RoomOpened)
    events = reader.read(
        ":irc.test 332 linkspan #dev :\x02the\x02 topic",
        ":irc.test 333 linkspan #dev alice!a@h 1700000000",
        ":irc.test 353 linkspan = #dev :@+alice!a@h ~bob +Romeo linkspan",
        ":irc.test 353 linkspan = #dev :carol",
        ":irc.test 366 linkspan #dev :End",
        ":carol!c@h PRIVMSG #dev :before the list",
        ":dave!d@h JOIN #dev",
        ":bob!b@h PART #dev",
        ":irc.test 354 linkspan 407 #dev a h alice G@ alys :Alice Liddell",
        ":irc.test 354 linkspan 407 #dev x h carol HB 0 :tybalt (via linkspan)",
        ":irc.test 354 linkspan 999 #dev d h dave G 0 :not our question",
        ":irc.test 352 linkspan #dev d host irc.test dave H :0 Dave",
    )
    assert [type(event) for event in events] == [MessagePosted]
    topic, listed, *ranked = reader.inbound.listed("#dev", NOW)
    assert isinstance(topic, TopicChanged)
    assert (topic.topic, topic.sender.name, topic.origin.replayed) == ("the topic", "alice", True)
    assert isinstance(listed, MembersListed)
    by_name = {member.name: member for member in listed.members}
    assert set(by_name) == {"alice", "carol", "dave"}
    assert (by_name["alice"].rank, by_name["carol"].rank) == (Rank.ADMIN, Rank.MEMBER)
    assert [(told.person, told.name, told.rank) for told in ranked] == [(ROMEO, "Romeo", Rank.SPEAKER)]
    assert by_name["alice"].account == "alys"
    assert by_name["alice"].presence == Presence(Show.AWAY, "away")
    assert (by_name["carol"].bot, by_name["carol"].stand_in) == (True, True)
    assert by_name["dave"].presence == Presence()
    assert reader.view.statuses("#dev", "ALICE") == "@+"
    assert reader.view.statuses("#dev", "romeo") == "+"


def test_the_same_topic_of_the_same_time_is_the_same_fact():
    first, second = Reader(listed=""), Reader(listed="")
    live = first
    for reader in (first, second):
        reader.inbound.opened("#dev", NOW)
        reader.read(":s 332 linkspan #dev :hello", ":s 333 linkspan #dev bob 1700000000")
    keys = {reader.inbound.listed("#dev", NOW)[0].origin.key for reader in (first, second)}
    assert len(keys) == 1
    seen = live.one("@time=2023-11-14T22:13:20.500Z :bob!b@h TOPIC #dev :hello")
    assert {seen.origin.key} == keys
    assert live.one("@time=2023-11-14T22:13:21.500Z :bob!b@h TOPIC #dev :hello").origin.key not in keys


def test_people_come_and_go(reader):
    assert reader.one(":carol!c@h JOIN #dev carolus :Carol").member.account == "carolus"
    assert reader.one(":dave!d@h JOIN :#dev").member.address == "dave!d@h"
    left = reader.one(":carol!c@h PART #dev :\x02bye\x02")
    assert (left.member.name, left.cause, left.reason) == ("carol", Cause.LEFT, "bye")
    kicked = reader.one(":alice!a@h KICK #dev dave :behave")
    assert (kicked.member.name, kicked.cause, kicked.actor, kicked.reason) == ("dave", Cause.KICKED, "alice", "behave")
    renamed = reader.one(":bob!b@h NICK Robert")
    assert isinstance(renamed, MemberRenamed)
    assert (renamed.old.person.id, renamed.member.person.id, renamed.member.name) == ("bob", "robert", "Robert")
    assert reader.one(":robert!b@h PRIVMSG #dev :me").sender.name == "robert"


@pytest.mark.parametrize(
    ("line", "ranks"),
    [
        (":bob!b@h MODE #dev +o alice", {"alice": Rank.ADMIN}),
        (":bob!b@h MODE #dev +v-o+h bob alice alice", {"bob": Rank.SPEAKER, "alice": Rank.MODERATOR}),
        (":srv MODE #dev +bq x!*@* alice", {"alice": Rank.OWNER}),
        (":srv MODE #dev +av alice alice", {"alice": Rank.OWNER}),
    ],
)
def test_status_modes_are_ranks(reader, line, ranks):
    events = reader.read(line)
    assert {event.member.name: event.member.rank for event in events} == ranks
    assert all(isinstance(event, MemberJoined) for event in events)


def test_the_rank_of_a_puppet_is_told_of_the_puppet(reader):
    given = reader.one(":bob!b@h MODE #dev +o romeo")
    assert isinstance(given, PuppetJoined)
    assert (given.person, given.name, given.rank) == (ROMEO, "romeo", Rank.ADMIN)
    assert reader.one(":bob!b@h MODE #dev -o romeo").rank is Rank.MEMBER


def test_a_rank_lasts_through_a_change_of_nick_and_of_account(reader):
    reader.read(":srv MODE #dev +o alice")
    assert reader.one(":alice!a@h ACCOUNT alys").member.rank is Rank.ADMIN
    assert reader.one(":alice!a@h NICK alicia").member.rank is Rank.ADMIN


def test_a_nick_that_goes_to_and_fro_leaves_nobody_behind(reader):
    events = reader.read(":bob!b@h NICK rob", ":rob!b@h NICK bob", ":bob!b@h NICK BOB")
    assert [(event.old.name, event.member.name) for event in events] == [("bob", "rob"), ("rob", "bob"), ("bob", "BOB")]
    reader.read(":BOB!b@h QUIT :x")
    assert set(reader.view.users) == {"alice", "romeo", "linkspan"}


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("irc.example.org irc2.example.org", Cause.LOST),
        ("*.net *.split", Cause.LOST),
        ("Ping timeout: 240 seconds", Cause.LOST),
        ("Read error: Connection reset by peer", Cause.LOST),
        ("Quit: irc.example.org irc2.example.org", Cause.QUIT),
        ("Quit: going home", Cause.QUIT),
        ("end. of. story.", Cause.QUIT),
        ("", Cause.QUIT),
    ],
)
def test_why_somebody_quit(reader, reason, cause):
    assert reader.one(f":bob!b@h QUIT :{reason}").cause is cause


def test_a_netsplit_that_the_server_calls_one(reader):
    events = reader.read(
        "BATCH +s netsplit irc.hub other.host",
        "@batch=s :bob!b@h QUIT :whatever",
        "@batch=s :alice!a@h QUIT :whatever",
        "BATCH -s",
    )
    assert [event.cause for event in events] == [Cause.LOST, Cause.LOST]


def test_what_is_learnt_of_somebody_is_told_once(reader):
    away = reader.one(":bob!b@h AWAY :gone fishing")
    assert isinstance(away, MemberJoined)
    assert away.member.presence == Presence(Show.AWAY, "gone fishing")
    assert reader.read(":bob!b@h AWAY :gone fishing") == []
    assert reader.one(":bob!b@h AWAY").member.presence == Presence()
    assert reader.one(":bob!b@h ACCOUNT bobby").member.account == "bobby"
    assert reader.one(":bob!b@h ACCOUNT *").member.account == ""
    assert reader.read(":bob!b@h SETNAME :Bob") == []
    assert reader.one(":bob!b@h SETNAME :Bob (via linkspan)").member.stand_in
    assert reader.read(":s 352 linkspan #dev b h s bob G :0 Bob (via linkspan)")[0].member.presence.show is Show.AWAY


def test_modes_are_followed_whatever_the_server_sends(reader):
    reader.read(
        ":alice!a@h MODE #dev +oov-b bob alice bob",
        ":alice!a@h MODE #dev +ks-l key",
        ":alice!a@h MODE #dev",
        ":alice!a@h MODE #dev +o",
        ":alice!a@h MODE #dev +o nobody",
        ":alice!a@h MODE #dev -v+b bob *!*@bad",
    )
    assert reader.view.statuses("#dev", "bob") == "@"
    assert reader.view.has_op("#dev", "bob")
    assert not reader.view.has_op("#dev", "romeo")
    channel = reader.view.channel("#dev")
    assert channel.modes == {"k": "key", "s": None}
    reader.read(":s 324 linkspan #dev +nt")
    assert channel.modes == {"n": None, "t": None}


def test_who_turns_out_to_be_ours_is_taken_back(reader):
    reader.read(":juliet!j@h JOIN #dev")
    taken = reader.inbound.attendance.claim("Juliet", NOW)
    assert [type(event) for event in taken] == [MemberLeft]
    assert reader.inbound.attendance.claim("juliet", NOW) == []
    assert reader.read(":juliet!j@h PRIVMSG #dev :mine", ":juliet!j@h QUIT :x") == []


# in private


def test_a_private_message_to_a_puppet_is_for_its_person(reader):
    event = reader.direct("@msgid=x :bob!b@h PRIVMSG Romeo :psst")
    assert (event.to, event.content.text, event.origin.room.id, event.id) == (ROMEO, "psst", "romeo", "x")


@pytest.mark.parametrize(
    "line",
    [
        ":irc.test NOTICE romeo :*** looking up your hostname",
        ":bob!b@h PRIVMSG romeo :\x01VERSION\x01",
        ":linkspan!l@h PRIVMSG romeo :us",
        ":bob!b@h PRIVMSG romeo :",
    ],
)
def test_what_nobody_wrote_to_anybody(reader, line):
    assert reader.direct(line) is None


# whatever comes


NOISE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=40)
WORDS = st.sampled_from(["#dev", "bob", "linkspan", "romeo", "+o", "-b", "@#dev", ":", "*", "0", ""])
SAID = ["PRIVMSG", "NOTICE", "TAGMSG", "TOPIC", "REDACT", "BATCH"]
DONE = ["JOIN", "PART", "QUIT", "KICK", "NICK", "MODE", "AWAY", "ACCOUNT", "CHGHOST", "SETNAME"]
COMMANDS = st.sampled_from([*SAID, *DONE, "324", "332", "333", "353", "352", "354"])
SOURCES = st.sampled_from([":bob!b@h ", ":romeo!r@h ", ":linkspan!l@h ", ":irc.test ", ":@! ", ": ", ""])
TAGS = st.sampled_from(
    ["", "@time=x;msgid= ", "@batch=b ", "@+draft/react=x;+draft/reply=y ", "@+typing=active ", "@account ", "@bot "]
)


@given(st.lists(st.tuples(TAGS, SOURCES, COMMANDS, st.lists(WORDS, max_size=6), NOISE), max_size=30))
def test_no_line_breaks_the_reader_or_the_view(lines):
    reader = Reader()
    for tags, source, command, words, noise in lines:
        reader.read(f"{tags}{source}{command} {' '.join(words)} :{noise}")
    view = reader.view
    for key, channel in view.channels.items():
        assert set(channel.members) <= set(view.users)
        assert all(key in view.users[nick].channels for nick in channel.members)
    for nick, user in view.users.items():
        assert user.channels
        assert view.fold(user.nick) == nick
        assert set(user.channels) <= set(view.channels)


def test_what_the_channel_is_has_changed_and_lists_and_ranks_are_not_that(reader):
    for line in (":bob!b@h MODE #dev +i", ":irc.test 324 linkspan #dev +nt", ":bob!b@h MODE #dev -l+v alice"):
        assert [type(event) for event in reader.read(line)][-1] is RoomChanged
    assert reader.read(":bob!b@h MODE #dev +e *!*@h") == []


def test_who_is_kicked_while_banned_is_banned_and_who_came_back_is_not(reader):
    reader.read(":carol!c@evil.example JOIN #dev", ":dave!d@good.example JOIN #dev")
    reader.read(":bob!b@h MODE #dev +b *!*@EVIL.*")
    assert reader.one(":bob!b@h KICK #dev dave :out").cause is Cause.KICKED
    assert reader.one(":bob!b@h KICK #dev carol :out").cause is Cause.BANNED
    reader.read(":carol!c@evil.example JOIN #dev")
    assert reader.one(":bob!b@h KICK #dev carol :out").cause is Cause.KICKED
    reader.read(
        ":carol!c@evil.example JOIN #dev", ":bob!b@h MODE #dev +b *!*@evil.*", ":bob!b@h MODE #dev -b *!*@evil.*"
    )
    assert reader.one(":bob!b@h KICK #dev carol :out").cause is Cause.KICKED


@pytest.mark.parametrize(
    ("mask", "source", "expected"),
    [
        ("*!*@evil.example", "carol!c@evil.example", True),
        ("carol!*@*", "carol!c@evil.example", True),
        ("c?rol!*", "carol!c@evil.example", True),
        ("c?rol", "carol!c@evil.example", False),
        ("*!*@good.example", "carol!c@evil.example", False),
        ("", "carol!c@evil.example", False),
        ("*", "", True),
        ("*a" * 200 + "b", "a" * 2000, False),  # at once
    ],
)
def test_the_reach_of_a_ban(mask, source, expected):
    assert covers(mask, source) is expected
