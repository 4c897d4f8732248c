"""Who people are, who is there, what their clients say, and what a server says to one user alone."""

import asyncio

import pytest

from bridge.connector import Status
from bridge.core.acts import ActRefused, Obstacle
from bridge.core.events import DirectPosted, Presence, Show
from bridge.core.ids import Person, PersonId, RoomId
from bridge.core.profiles import Profile, Question, Wanted
from connectors.irc.connection.casemap import folder
from connectors.irc.connection.wire import Line, parse
from connectors.irc.people import raw, whois
from connectors.irc.people.remarks import WINDOW, Remarks, is_from_network
from connectors.irc.people.watch import NickWatch
from tests.support.irc_stage import CHANNEL, NETWORK, Play, listener, puppet, settle, someone, stage
from tests.support.ircd import NAME, Ircd, Peer

FOLD = folder("rfc1459")
BOB = Person(NETWORK, PersonId("bob"))


def lines(*texts: str) -> list[Line]:
    found = [parse(text.encode()) for text in texts]
    assert None not in found
    return [line for line in found if line is not None]


# -- WHOIS and WHO


def test_a_whois_is_read_into_a_profile() -> None:
    said = lines(
        ":irc 311 me Bob ~bob host.example * :Bob \x02B.\x02 Builder",
        ":irc 319 me Bob :@#dev +#verona ",
        ":irc 319 me Bob :#more",
        ":irc 312 me Bob irc.test :A test server",
        ":irc 313 me Bob :is an IRC operator",
        ":irc 301 me Bob :gone fishing",
        ":irc 330 me Bob bobby :is logged in as",
        ":irc 671 me Bob :is using a secure connection",
        ":irc 335 me Bob :is a bot",
        ":irc 317 me Bob 42 1700000000 :seconds idle, signon time",
    )
    assert whois.profile(said, network=NETWORK, fold=FOLD) == Profile(
        person=BOB,
        name="Bob",
        full_name="Bob B. Builder",
        account="bobby",
        address="~bob@host.example",
        server="irc.test (A test server)",
        rooms=("@#dev", "+#verona", "#more"),
        away="gone fishing",
        idle=42,
        since=1_700_000_000_000,
        role="IRC operator",
        notes=("is using a secure connection", "is a bot"),
    )


@pytest.mark.parametrize(
    "said",
    [
        [],
        [":irc 312 me bob irc.test :A test server"],
        [":irc 311 me bob"],
    ],
)
def test_a_whois_without_a_person_is_nobody(said: list[str]) -> None:
    assert whois.profile(lines(*said), network=NETWORK, fold=FOLD) is None


def test_odd_numbers_of_a_whois_are_not_known() -> None:
    said = lines(":irc 311 me bob b h * :Bob", ":irc 317 me bob soon later :idle", ":irc 312 me bob irc.test :")
    profile = whois.profile(said, network=NETWORK, fold=FOLD)
    assert profile is not None
    assert (profile.idle, profile.since, profile.server) == (None, 0, "irc.test")


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (
            ":irc 352 me #dev ~bob host.example irc.test Bob G@ :0 Bob Builder",
            ("Bob", "Bob Builder", "", "", ("#dev",)),
        ),
        (":irc 352 me * ~bob host.example irc.test Bob H* :3 Bob", ("Bob", "Bob", "", None, ())),
        (":irc 354 me 408 * ~bob host.example irc.test Bob H bobby :Bob", ("Bob", "Bob", "bobby", None, ())),
        (":irc 354 me 408 * ~bob host.example irc.test Bob H 0 :Bob", ("Bob", "Bob", "", None, ())),
    ],
)
def test_a_line_of_who_is_read(said: str, seen: tuple[object, ...]) -> None:
    (one,) = whois.found(lines(said), network=NETWORK, fold=FOLD)
    assert (one.name, one.full_name, one.account, one.away, one.rooms) == seen


def test_the_answers_to_others_questions_are_nobody_of_ours() -> None:
    said = lines(":irc 354 me 407 #dev ~bob h Bob H 0 :Bob", ":irc 352 me #dev", ":irc 315 me * :End")
    assert whois.found(said, network=NETWORK, fold=FOLD) == []


@pytest.mark.parametrize(
    ("wanted", "asked", "fits"),
    [
        (Wanted(name="b*"), "b*", True),
        (Wanted(name="B?B"), "B?B", True),
        (Wanted(name="bo"), "bo", False),
        (Wanted(name="[bob]"), "[bob]", False),
        (Wanted(full_name="*builder*"), "*builder*", True),
        (Wanted(full_name="bob b*"), "bob?b*", True),
        (Wanted(host="*.example", server="other"), "*.example", False),
        (Wanted(user="~bob"), "~bob", True),
        (Wanted(account="bobby"), "bobby", True),
        (Wanted(room="#dev", name="x*"), "#dev", False),
        (Wanted(room="#dev"), "#dev", True),
        (Wanted(), "*", True),
    ],
)
def test_who_is_looked_for(wanted: Wanted, asked: str, fits: bool) -> None:
    bob = Profile(
        person=BOB, name="Bob", full_name="Bob Builder", account="bobby", address="~bob@host.example", server="irc.test"
    )
    assert whois.mask(wanted) == asked
    assert whois.fits(bob, wanted) is fits


# -- lines of one's own


@pytest.mark.parametrize(
    ("text", "command", "params"),
    [
        ("whois bob", "WHOIS", ["bob"]),
        (" MODE #dev +b :*!*@evil ", "MODE", ["#dev", "+b", "*!*@evil"]),
        ("PRIVMSG NickServ :REGISTER hunter2 a@b", "PRIVMSG", ["NickServ", "REGISTER hunter2 a@b"]),
    ],
)
def test_a_line_of_ones_own_is_read(text: str, command: str, params: list[str]) -> None:
    line = raw.checked(text)
    assert (line.command, line.params) == (command, params)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        ":bob PRIVMSG romeo :hi",
        "@label=1 WHOIS bob",
        "WHOIS bob\r\nQUIT",
        "WHOIS\0bob",
        "WHOIS bob\nQUIT",
        "QUIT :bye",
        "quit",
        "JOIN #dev",
        "NICK other",
        "CAP END",
        "PASS secret",
        "001 romeo :hi",
        "PRIVMSG bob :" + "x" * 600,
        "W!OIS bob",
    ],
)
def test_a_line_that_would_hurt_is_refused(text: str) -> None:
    with pytest.raises(ActRefused) as refused:
        raw.checked(text)
    assert "hunter" not in str(refused.value)


# -- what a server says


def remarks(*texts: str, asked: bool = False, later: float = 0.0) -> list[str]:
    """Return what of these lines is told."""
    now = [100.0]
    said: list[str] = []
    heard = Remarks(said.append, lambda: now[0])
    if asked:
        heard.expect()
    now[0] += later
    for line in lines(*texts):
        heard.line(line)
    return said


@pytest.mark.parametrize(
    ("text", "told", "when_asked"),
    [
        (":irc.test NOTICE romeo :Server is going \x02down\x02", "[irc.test] Server is going down", None),
        (":NickServ!s@services NOTICE romeo :registered", "[NickServ] registered", None),
        (":oper!o@h WALLOPS :look out", "[wallops] oper: look out", None),
        (
            ":irc.test 900 romeo romeo!r@h romeo :You are now logged in as romeo",
            "romeo!r@h romeo You are now logged in as romeo",
            None,
        ),
        (":irc.test 999 romeo :unheard of", "unheard of", None),
        (":irc.test 001 romeo :Welcome", "", "Welcome"),
        (":irc.test 311 romeo bob b h * :Bob", "", "bob b h * Bob"),
        (":irc.test 482 romeo #dev :You're not an operator", "", "#dev You're not an operator"),
        (":bob!b@h JOIN #dev", "", ""),
    ],
)
def test_what_is_told_by_itself_and_after_a_line_of_ones_own(text: str, told: str, when_asked: str | None) -> None:
    assert "".join(remarks(text)) == told
    assert "".join(remarks(text, asked=True)) == (told if when_asked is None else when_asked)
    assert "".join(remarks(text, asked=True, later=WINDOW)) == told


def test_the_message_of_the_day_is_one_remark() -> None:
    motd = (":irc 375 me :- irc.test -", ":irc 372 me :- Hello", ":irc 372 me :-  and be kind", ":irc 376 me :End")
    assert remarks(*motd) == ["Message of the day:\nHello\n and be kind"]
    assert remarks(":irc 375 me :-", ":irc 376 me :End") == []
    assert remarks(":irc 372 me :- late", ":irc 376 me :End") == []


@pytest.mark.parametrize(
    ("text", "is_so"),
    [
        (":irc.test NOTICE romeo :hi", True),
        (":NickServ!s@services NOTICE romeo :hi", True),
        (":Global!g@services.example NOTICE romeo :hi", True),
        (":bob!b@h NOTICE romeo :hi", False),
    ],
)
def test_whose_notices_are_the_networks(text: str, is_so: bool) -> None:
    assert is_from_network(lines(text)[0]) is is_so


# -- with a scripted server


async def juliet(ircd: Ircd, play: Play) -> tuple[Peer, Peer]:
    """Let the listener and juliet's own connection in; returns both."""
    mic = await listener(ircd)
    play.join("juliet", session=True, presence=Presence())
    own = await puppet(ircd, mic)
    await play.hub.until(lambda: play.hub.sessions and play.hub.sessions[-1][1].status is Status.READY, "a session")
    return mic, own


async def test_a_session_is_told_of_and_the_server_is_heard_and_spoken_to() -> None:
    async with Ircd() as ircd, stage(ircd.port) as play:
        _, own = await juliet(ircd, play)
        me = someone("juliet").person
        session = play.connector.session(me)
        assert (session.status, session.name, session.own) == (Status.READY, "juliet", True)
        own.send(f":{NAME} NOTICE juliet :mind the gap")
        await play.hub.until(lambda: (me, f"[{NAME}] mind the gap") in play.hub.remarks, "a notice")

        # a line of one's own, and what comes of it
        await play.connector.raw(me, "VERSION")
        await own.find("VERSION")
        own.numeric(351, "test-1", NAME, "what a server")
        await play.hub.until(lambda: (me, f"test-1 {NAME} what a server") in play.hub.remarks, "the answer")
        with pytest.raises(ActRefused, match="leave your rooms"):
            await play.connector.raw(me, "QUIT")
        with pytest.raises(ActRefused, match="not connected"):
            await play.connector.raw(someone("romeo").person, "VERSION")

        # services are the network, until they are talked to
        own.send(":NickServ!s@services NOTICE juliet :who are you")
        await play.hub.until(lambda: (me, "[NickServ] who are you") in play.hub.remarks, "a service")
        await play.connector.raw(me, "PRIVMSG NickServ :HELP")
        own.send(":NickServ!s@services NOTICE juliet :help yourself")
        assert (await play.told(DirectPosted)).content.text == "help yourself"

        # and the end of it
        own.send("ERROR :Closing link: (juliet@host.example) [Killed by oper: enough]")
        own.close()
        await play.hub.until(lambda: any("enough" in words for _, words in play.hub.remarks), "the reason")
        await play.hub.until(lambda: play.hub.sessions[-1][1].status is Status.DOWN, "the end")
        assert "enough" in play.hub.sessions[-1][1].detail


async def test_lines_of_ones_own_can_be_forbidden() -> None:
    async with Ircd() as ircd, stage(ircd.port, raw=False) as play:
        await juliet(ircd, play)
        with pytest.raises(ActRefused, match="not allowed"):
            await play.connector.raw(someone("juliet").person, "VERSION")


async def asked(play: Play, question: Question) -> str:
    """Return what somebody is told, or the obstacle."""
    try:
        return await play.connector.ask(BOB, question, by=someone("juliet").person)
    except ActRefused as refused:
        return f"! {refused.obstacle}"


async def test_a_users_question_is_a_ctcp_and_its_answer_goes_back() -> None:
    async with Ircd() as ircd, stage(ircd.port) as play:
        _, own = await juliet(ircd, play)
        for question, said, answer, got in (
            (Question.SOFTWARE, "VERSION", "VERSION WeeChat \x024.0", "WeeChat 4.0"),
            (Question.TIME, "TIME", "TIME Tue, 14 Nov 2023 22:13:20 +0100", "2023-11-14T22:13:20+01:00"),
            (Question.TIME, "TIME", "TIME half past nine", "half past nine"),
            (Question.ECHO, "PING linkspan", "PING linkspan", "linkspan"),
            (Question.TIME, "TIME", "ERRMSG TIME :no idea", f"! {Obstacle.IMPOSSIBLE}"),
        ):
            waiting = asyncio.ensure_future(asked(play, question))
            await own.find(f"PRIVMSG bob :\x01{said}\x01")
            await settle(own)
            own.send(f":bob!b@h NOTICE juliet :\x01{answer}\x01")
            assert await waiting == got
        assert await asked(play, Question.ECHO) == f"! {Obstacle.BUSY}"


async def test_who_is_not_there_is_not_asked() -> None:
    async with Ircd() as ircd, stage(ircd.port) as play:
        _, own = await juliet(ircd, play)
        waiting = asyncio.ensure_future(asked(play, Question.SOFTWARE))
        await own.find("PRIVMSG bob :\x01VERSION\x01")
        own.numeric(401, "bob", "No such nick")
        await settle(own)
        assert await waiting == f"! {Obstacle.ABSENT}"
        with pytest.raises(ActRefused, match="as yourself"):
            await play.connector.ask(BOB, Question.SOFTWARE, by=someone("romeo").person)


async def test_a_ctcp_question_to_a_user_is_answered_by_their_own_client_or_by_us() -> None:
    async with Ircd() as ircd, stage(ircd.port) as play:
        _, own = await juliet(ircd, play)
        own.send(":bob!b@h PRIVMSG juliet :\x01VERSION\x01")
        await own.find("NOTICE bob :\x01VERSION Linkspan 0\x01")
        play.hub.programs[Question.SOFTWARE] = "Gajim 2"
        play.hub.programs[Question.TIME] = "2023-11-14T22:13:20+01:00"
        own.send(
            ":bob!b@h PRIVMSG juliet :\x01VERSION\x01",
            ":bob!b@h PRIVMSG juliet :\x01TIME\x01",
            ":bob!b@h PRIVMSG juliet :\x01FINGER\x01",
        )
        answers = {await own.find("NOTICE bob") for _ in range(3)}
        assert answers == {
            "NOTICE bob :\x01VERSION Gajim 2\x01",
            "NOTICE bob :\x01TIME Tue, 14 Nov 2023 22:13:20 +0100\x01",
            "NOTICE bob :\x01FINGER juliet\x01",
        }


async def test_a_profile_is_asked_for_once_and_of_nobody_refused() -> None:
    async with Ircd() as ircd, stage(ircd.port) as play:
        _, own = await juliet(ircd, play)
        me = someone("juliet").person
        waiting = asyncio.ensure_future(play.connector.profile(BOB, me))
        await own.find("WHOIS bob bob")
        own.numeric(311, "Bob", "b", "h", "*", "Bob Builder")
        own.numeric(301, "carol", "of somebody else")
        own.numeric(318, "bob", "End")
        await settle(own)
        assert (await waiting).full_name == "Bob Builder"
        assert (await play.connector.profile(BOB, me)).away is None  # known
        waiting = asyncio.ensure_future(play.connector.profile(Person(NETWORK, PersonId("nobody")), me))
        await own.find("WHOIS nobody nobody")
        own.numeric(402, "nobody", "No such server")  # as ngIRCd says it
        await settle(own)
        with pytest.raises(ActRefused, match="nobody of this name") as refused:
            await waiting
        assert refused.value.obstacle is Obstacle.ABSENT
        with pytest.raises(ActRefused, match="nobody of this name"):
            await play.connector.profile(Person(NETWORK, PersonId("a,b")), me)


async def test_people_are_looked_for() -> None:
    async with Ircd() as ircd, stage(ircd.port) as play:
        _, own = await juliet(ircd, play)
        waiting = asyncio.ensure_future(play.connector.people(Wanted(name="b*", host="h*"), someone("juliet").person))
        await own.find("WHO b*")
        for nick, host in (("bob", "home"), ("ben", "away"), ("carol", "h"), ("Betty", "hut")):
            own.send(f":{NAME} 352 juliet * u {host} {NAME} {nick} H :0 {nick}")
        own.numeric(315, "b*", "End")
        await settle(own)
        assert [one.name for one in await waiting] == ["Betty", "bob"]


@pytest.mark.parametrize(
    ("isupport", "asks", "there", "gone"),
    [
        ("MONITOR=10", "MONITOR + bob", ":irc.test 730 * :bob!b@h", ":irc.test 731 * :bob"),
        ("WATCH=10", "WATCH +bob", ":irc.test 604 me bob b h 1 :is online", ":irc.test 601 me bob b h 1 :logged off"),
        ("NETWORK=x", "ISON bob", ":irc.test 303 me :Bob", ":irc.test 303 me :"),
        ("MONITOR=1", "ISON bob", ":irc.test 303 me :Bob ", ":irc.test 303 me :"),
    ],
)
async def test_who_is_there_is_told_however_the_server_tells_it(
    isupport: str, asks: str, there: str, gone: str
) -> None:
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd, isupport=f"CHANTYPES=# {isupport}")
        if isupport == "MONITOR=1":
            play.connector.sight(PersonId("anna"), on=True)
            await mic.find("MONITOR + anna")
        play.connector.sight(PersonId("bob"), on=True)
        await mic.find(asks)
        mic.send(there)
        await play.hub.until(lambda: play.hub.sightings.get(PersonId("bob")) == Presence(), "bob is there")
        await mic.find("USERHOST bob")
        mic.send(":irc.test 302 me :bob=-b@h")
        await play.hub.until(lambda: play.hub.sightings["bob"] == Presence(Show.AWAY, "away"), "bob is away")
        if asks.startswith("ISON"):
            await mic.find(asks)
        mic.send(gone)
        await play.hub.until(lambda: play.hub.sightings[PersonId("bob")] is None, "bob is gone")
        play.connector.sight(PersonId("bob"), on=False)


async def test_what_does_not_fit_into_the_servers_list_is_asked_for() -> None:
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd, isupport="CHANTYPES=# MONITOR")
        play.connector.sight(PersonId("anna"), on=True)
        play.connector.sight(PersonId("bob"), on=True)
        await mic.find("MONITOR + anna,bob")
        mic.send(":irc.test 734 me 1 bob :Monitor list is full.")
        await mic.find("ISON bob")
        mic.send(":irc.test 303 me :bob")
        await play.hub.until(lambda: play.hub.sightings.get(PersonId("bob")) == Presence(), "bob is there")


async def test_what_is_seen_in_a_channel_counts() -> None:
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd, isupport="CHANTYPES=#")
        for name in ("bob", "carol"):
            play.connector.sight(PersonId(name), on=True)
        mic.send(f":bob!b@h JOIN {CHANNEL}", ":bob!b@h AWAY :at lunch")
        await play.hub.until(lambda: play.hub.sightings.get("bob") == Presence(Show.AWAY, "at lunch"), "away")
        mic.send(":bob!b@h AWAY")
        await play.hub.until(lambda: play.hub.sightings.get("bob") == Presence(), "back")
        mic.send(":bob!b@h NICK Carol")
        await play.hub.until(lambda: play.hub.sightings == {"bob": None, "carol": Presence()}, "renamed")
        mic.send(":Carol!b@h QUIT :bye")
        await play.hub.until(lambda: play.hub.sightings == {"bob": None, "carol": None}, "gone")


async def test_what_a_user_sees_in_a_hosted_room_counts_though_the_listener_looks_out() -> None:
    async with Ircd() as ircd, stage(ircd.port) as play:
        mic = await listener(ircd, isupport="CHANTYPES=#")
        play.connector.sight(PersonId("bob"), on=True)
        await mic.find("ISON bob")
        mic.send(f":{NAME} 303 me :")
        play.connector.attend(RoomId("#hosted"))
        play.join("juliet", RoomId("#hosted"), session=True)
        own = await ircd.accept()
        await own.welcome(isupport="CHANTYPES=#")
        await own.expect("JOIN #hosted")
        own.send(
            f":{own.mask} JOIN #hosted", f":{NAME} 353 juliet = #hosted :juliet", f":{NAME} 366 juliet #hosted :End"
        )
        own.send(f":{NAME} 303 juliet :bob")  # not an answer to what was asked
        own.send(":bob!b@h JOIN #hosted", ":bob!b@h QUIT :bye")
        await play.hub.until(lambda: play.hub.sightings == {PersonId("bob"): None}, "bob came and went")


async def test_without_a_listener_a_users_own_connection_looks_out() -> None:
    async with Ircd() as ircd, stage(ircd.port, rooms=(), listener=False) as play:
        play.connector.sight(PersonId("bob"), on=True)
        play.connector.attend(CHANNEL)
        play.join("juliet", session=True)
        own = await ircd.accept()
        await own.welcome(isupport="CHANTYPES=# MONITOR=10")
        await own.find("MONITOR + bob")
        own.send(f":{NAME} 730 * :bob!b@h")
        await play.hub.until(lambda: play.hub.sightings.get(PersonId("bob")) == Presence(), "bob is there")
        own.close()
        await play.hub.until(lambda: play.hub.sightings[PersonId("bob")] is None, "nobody looks any more")


async def test_at_the_end_nobody_is_there_any_more() -> None:
    async with Ircd() as ircd:
        async with stage(ircd.port) as play:
            mic, _ = await juliet(ircd, play)
            play.connector.sight(PersonId("bob"), on=True)
            mic.send(f":bob!b@h JOIN {CHANNEL}")
            await play.hub.until(lambda: play.hub.sightings.get(PersonId("bob")) == Presence(), "bob is there")
        assert play.hub.sightings[PersonId("bob")] is None
        assert play.hub.sessions[-1][1].status is Status.DOWN


async def test_too_many_questions_are_not_passed_on() -> None:
    async with Ircd() as ircd, stage(ircd.port) as play:
        _, own = await juliet(ircd, play)
        me = someone("juliet").person
        waiting = [
            asyncio.ensure_future(play.connector.profile(Person(NETWORK, PersonId(f"n{number}")), me))
            for number in range(20)
        ]
        for number in range(8):
            await own.find(f"WHOIS n{number} n{number}")
            own.numeric(401, f"n{number}", "No such nick")
            await settle(own)
        done = await asyncio.gather(*waiting, return_exceptions=True)
        obstacles = [each.obstacle for each in done if isinstance(each, ActRefused)]
        assert obstacles == [Obstacle.ABSENT] * 8 + [Obstacle.BUSY] * 12


def test_of_more_than_can_be_asked_for_others_are_next() -> None:
    watch = NickWatch(print, print, every=1.0, looks=1.0, present=tuple)
    asked: list[int] = []
    for turn in range(3):
        watch._turn = turn
        asked += watch._turn_of(list(range(25)), 10)
    assert set(asked) == set(range(25))
    assert watch._turn_of([1, 2], 10) == [1, 2]


async def test_who_leaves_the_last_channel_quits_in_the_same_words() -> None:
    async with Ircd() as ircd, stage(ircd.port) as play:
        _, own = await juliet(ircd, play)
        play.leave("juliet", reason="has gone offline")
        await own.find(f"PART {CHANNEL} :has gone offline")
        await own.find("QUIT :has gone offline")
