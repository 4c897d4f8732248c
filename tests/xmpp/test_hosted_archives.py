"""The archives of hosted rooms: who may read what, page by page, and what newcomers are told (XEP-0313, XEP-0059)."""

import json
from xml.etree import ElementTree as ET

import pytest

from bridge.connector import Unreadable
from tests.support.clock import quiet
from tests.support.hosted import DESK, PHONE, ROMEO, ROOM, HostedBridge
from tests.support.uploading import UPLOAD, Service

MAM = "urn:xmpp:mam:2"
RSM = "http://jabber.org/protocol/rsm"


async def query(bridge: HostedBridge, client: str, page: str = "", **fields: str) -> tuple[list[str], str]:
    """Ask an archive; returns the texts that came, and the end's payload or error."""
    form = "".join(
        f"<field var='{name.replace('_', '-')}'><value>{value}</value></field>" for name, value in fields.items()
    )
    inner = f"<x xmlns='jabber:x:data' type='submit'>{form}</x>" if form else ""
    bridge.stream.sent.clear()
    payload = f"<query xmlns='{MAM}' queryid='q'>{inner}{page}</query>".replace("<set>", f"<set xmlns='{RSM}'>")
    end = await bridge.ask(client, ROOM, payload, kind="set")
    results = [el for message in bridge.stream.take("message", to=client) for el in message.iter(f"{{{MAM}}}result")]
    assert all(result.get("queryid") == "q" for result in results)
    return [next(result.iter("{jabber:client}body")).text or "" for result in results], end


def names(end: str) -> dict[str, str]:
    """Return what the end of an answer says of the page."""
    fin = ET.fromstring(end)
    found = {el.tag.rpartition("}")[2]: el.text or "" for el in fin.iter() if el.text}
    first = fin.find(f".//{{{RSM}}}first")
    if first is not None:
        found["index"] = first.get("index", "")
    return found | {"complete": fin.get("complete", "false")}


async def told(bridge: HostedBridge, *texts: str, by: str = DESK) -> None:
    for text in texts:
        await bridge.clock.advance(1)
        bridge.say(by, text)
    await quiet()


async def test_the_room_says_that_it_keeps_what_is_said() -> None:
    async with HostedBridge(logged=True) as bridge:
        seen = await bridge.joined(DESK, "juliet")
        assert "+juliet none/participant 100 110 170" in seen
        info = await bridge.ask(DESK, ROOM, "<query xmlns='http://jabber.org/protocol/disco#info'/>")
        assert f"<feature var='{MAM}'/>" in info
        assert "var='with'" in await bridge.ask(DESK, ROOM, f"<query xmlns='{MAM}'/>")


async def test_a_user_reads_what_was_said_while_they_were_there_and_nothing_else() -> None:
    async with HostedBridge(logged=True) as bridge:
        await bridge.joined(DESK, "juliet")
        await told(bridge, "before")
        await bridge.clock.advance(1)
        await bridge.joined(ROMEO, "romeo")
        await told(bridge, "both")
        await bridge.clock.advance(1)
        bridge.presence(ROMEO, f"{ROOM}/romeo", kind="unavailable")
        await told(bridge, "after")
        assert (await query(bridge, DESK))[0] == ["before", "both", "after"]
        texts, end = await query(bridge, ROMEO)
        assert texts == ["both"]
        assert names(end)["count"] == "1"
        assert await query(bridge, "nurse@home.example/x") == ([], "! forbidden")


async def test_newcomers_are_told_only_what_they_may_read() -> None:
    async with HostedBridge(logged=True) as bridge:
        await bridge.joined(DESK, "juliet")
        await told(bridge, "one", "two")
        await bridge.clock.advance(1)
        assert not [line for line in await bridge.joined(ROMEO, "romeo") if line.startswith("juliet:")]
        await told(bridge, "three")
        bridge.join(PHONE, "juliet", "<history maxstanzas='2'/>")
        await quiet()
        assert [line for line in bridge.diary(PHONE) if ":" in line] == ["juliet: two", "juliet: three"]


async def test_what_was_said_outlives_the_room() -> None:
    async with HostedBridge(logged=True) as bridge:
        await bridge.joined(DESK, "juliet")
        await told(bridge, "remember me")
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        await bridge.clock.advance(20)
        assert bridge.gate.closed == [ROOM]
        assert (await query(bridge, DESK))[0] == ["remember me"]
        assert "juliet: remember me" in await bridge.joined(DESK, "juliet")


async def test_pages_go_both_ways() -> None:
    async with HostedBridge(logged=True) as bridge:
        await bridge.joined(DESK, "juliet")
        await told(bridge, *"abcdef")
        texts, end = await query(bridge, DESK, "<set><max>2</max></set>")
        page = names(end)
        assert (texts, page["index"], page["count"], page["complete"]) == (["a", "b"], "0", "6", "false")
        texts, end = await query(bridge, DESK, f"<set><max>3</max><after>{page['last']}</after></set>")
        page = names(end)
        assert (texts, page["index"], page["complete"]) == (["c", "d", "e"], "2", "false")
        texts, end = await query(bridge, DESK, f"<set><max>3</max><after>{page['last']}</after></set>")
        assert (texts, names(end)["complete"]) == (["f"], "true")
        texts, end = await query(bridge, DESK, "<set><max>2</max><before/></set>")
        page = names(end)
        assert (texts, page["index"], page["complete"]) == (["e", "f"], "4", "false")
        texts, end = await query(bridge, DESK, f"<set><max>10</max><before>{page['first']}</before></set>")
        assert (texts, names(end)["complete"]) == (list("abcd"), "true")
        texts, end = await query(bridge, DESK, "<set><max>0</max></set>")
        assert (texts, names(end)["count"]) == ([], "6")
        texts, _ = await query(bridge, DESK, "<set><max>2</max></set><flip-page/>")
        assert texts == ["b", "a"]
        texts, end = await query(bridge, DESK, "<set><max>2</max><index>3</index></set>")
        assert (texts, names(end)["index"], names(end)["complete"]) == (["d", "e"], "3", "false")
        assert "stable='true'" in end
        assert (await query(bridge, DESK, ids=page["first"]))[0] == ["e"]
        assert (await query(bridge, DESK, after_id=page["first"]))[0] == ["f"]
        assert (await query(bridge, DESK, before_id=page["first"]))[0] == list("abcd")


@pytest.mark.parametrize(
    ("page", "fields", "condition"),
    [
        ("<set><after>nothing</after></set>", {}, "item-not-found"),
        ("<set><before>nothing</before></set>", {}, "item-not-found"),
        ("<set><max>many</max></set>", {}, "bad-request"),
        ("<set><index>many</index></set>", {}, "bad-request"),
        ("<set><index>3</index><before/></set>", {}, "bad-request"),
        ("", {"ids": "nothing"}, "item-not-found"),
        ("", {"start": "yesterday"}, "bad-request"),
        ("", {"with": "juliet@home.example"}, "not-acceptable"),
    ],
)
async def test_what_cannot_be_answered_is_refused(page: str, fields: dict[str, str], condition: str) -> None:
    async with HostedBridge(logged=True) as bridge:
        await bridge.joined(DESK, "juliet")
        assert await query(bridge, DESK, page, **fields) == ([], f"! {condition}")


async def test_a_search_by_time_and_by_speaker() -> None:
    async with HostedBridge(logged=True) as bridge:
        await bridge.joined(DESK, "juliet")
        await bridge.joined(ROMEO, "romeo")
        await told(bridge, "a")
        await told(bridge, "b", by=ROMEO)
        assert (await query(bridge, DESK, **{"with": f"{ROOM}/romeo"}))[0] == ["b"]
        assert (await query(bridge, DESK, start="2100-01-01T00:00:00Z"))[0] == []
        assert (await query(bridge, DESK, end="2100-01-01T00:00:00Z"))[0] == ["a", "b"]


async def test_who_gives_up_while_the_archive_is_read_is_not_let_in() -> None:
    async with HostedBridge(logged=True) as bridge:
        bridge.join(DESK, "juliet")
        bridge.presence(DESK, f"{ROOM}/juliet", kind="unavailable")
        await quiet()
        bridge.listed()
        bridge.arrives(DESK, "juliet")
        assert bridge.diary(DESK) == []


async def test_what_is_said_while_the_archive_is_read_is_not_missed() -> None:
    async with HostedBridge(logged=True) as bridge:
        await bridge.joined(DESK, "juliet")
        await told(bridge, "before")
        bridge.join(PHONE, "juliet")
        bridge.say(DESK, "meanwhile")
        await quiet()
        assert [line for line in bridge.diary(PHONE) if ":" in line] == ["juliet: before", "juliet: meanwhile"]


async def test_where_nothing_is_kept_newcomers_are_told_what_the_room_remembers() -> None:
    async with HostedBridge(logged=True) as bridge:
        bridge.gate.forgetful = True
        assert not [line for line in await bridge.joined(DESK, "juliet") if "170" in line]
        await told(bridge, "one")
        assert "juliet: one" in await bridge.joined(ROMEO, "romeo")
        assert await bridge.archive.archived_rooms() == []
        info = await bridge.ask(DESK, ROOM, "<query xmlns='http://jabber.org/protocol/disco#info'/>")
        assert MAM not in info


async def test_who_is_there_when_their_past_is_forgotten_has_a_future() -> None:
    async with HostedBridge(logged=True) as bridge:
        await bridge.joined(DESK, "juliet")
        await told(bridge, "forget this")
        await bridge.clock.advance(1)
        assert "Deleted, since nobody else may read it: 1." in await command(bridge, "forget")
        await bridge.clock.advance(1)
        await told(bridge, "but this I keep")
        assert (await query(bridge, DESK))[0] == ["but this I keep"]


async def command(bridge: HostedBridge, node: str, client: str = DESK) -> str:
    payload = f"<command xmlns='http://jabber.org/protocol/commands' node='{node}' action='execute'/>"
    return await bridge.ask(client, ROOM, payload, kind="set")


def exported(text: str) -> list[tuple[str, str, str]]:
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert ET.fromstring(line["stanza"]).tag == "{jabber:client}message"
    return [(line["at"][:4], line["nick"], line["text"]) for line in lines]


async def test_a_user_gets_what_they_may_read_as_a_file() -> None:
    service = Service()
    async with HostedBridge(logged=True, puts=service) as bridge:
        bridge.stream.services = {"localhost": service.server, UPLOAD: service.service}
        bridge.stream.down()
        bridge.stream.up()
        await bridge.joined(DESK, "juliet")
        await told(bridge, "one", "zwei \U0001f40d &amp; &lt;b&gt;")
        answer = await command(bridge, "export")
        url = "http://127.0.0.1:5280/files/2/python.jsonl"
        assert f"2 messages: {url}" in answer
        data, kind, _ = service.stored[f"{url}?put"]
        assert kind == "text/plain"
        year = exported(data.decode())[0][0]
        assert exported(data.decode()) == [(year, "juliet", "one"), (year, "juliet", "zwei \U0001f40d & <b>")]
        assert "Nothing is kept here that you may read" in await command(bridge, "export", ROMEO)
        with pytest.raises(Unreadable):
            async with bridge.connector.open_file("archive x"):
                pass


async def test_a_small_export_is_an_answer_where_no_file_can_be_put_anywhere_and_a_large_one_is_refused() -> None:
    async with HostedBridge(logged=True) as bridge:
        await bridge.joined(DESK, "juliet")
        await told(bridge, "one")
        note = ET.fromstring(await command(bridge, "export")).find("{http://jabber.org/protocol/commands}note")
        assert note is not None
        assert [text for _, _, text in exported(note.text or "")] == ["one"]
        await told(bridge, *("long" * 100 for _ in range(100)))
        assert "no place for a file" in await command(bridge, "export")
