"""What people are told of messages that did not arrive: soon, together, and not too often."""

from bridge.core.capabilities import Feature, Representation
from bridge.core.deliveries import Tell
from bridge.core.failures import Permanent
from bridge.engine.counters import Count
from tests.support.build import direct, person, posted
from tests.support.connectors import capabilities
from tests.support.hubs import Works, works


def told(w: Works, network: str = "left") -> list[str]:
    return [each.content.text for each in w.networks[network].sent if isinstance(each, Tell)]


async def refuse(w: Works, *texts: str, reason: str = "too rude") -> None:
    """Say something that the other side refuses."""
    w.networks["right"].automatic = False
    for text in texts:
        w.networks["left"].emit(posted(text))
        await w.clock.advance(0)
        w.networks["right"].answer(Permanent(reason))
        await w.clock.advance(0)


async def test_a_failure_is_told_with_its_reason_and_the_words_it_is_about():
    async with works() as w:
        await refuse(w, "you\nknave")
        await w.clock.advance(3)
        assert told(w) == ["“you knave” did not reach right:#b: too rude"]


async def test_many_failures_are_one_notice_and_then_there_is_quiet():
    async with works() as w:
        await refuse(w, "one", "two", "three")
        await w.clock.advance(3)
        assert told(w) == ["“one” and 2 more did not reach right:#b: too rude"]
        await refuse(w, "four")
        await w.clock.advance(30)
        assert len(told(w)) == 1
        await w.clock.advance(40)
        assert told(w)[1:] == ["“four” did not reach right:#b: too rude"]
        assert w.count(Count.NOTICES) == 2


async def test_a_notice_has_only_so_many_lines():
    async with works() as w:
        for number in range(20):
            await refuse(w, f"text {number}", reason=f"reason {number}")
        await w.clock.advance(3)
        [text] = told(w)
        assert len(text.split("\n")) == 6
        assert text.endswith("and more of the kind (15 times)")


async def test_long_words_are_clipped():
    async with works() as w:
        await refuse(w, "x" * 100_000)
        await w.clock.advance(3)
        [text] = told(w)
        assert len(text) < 120


async def test_an_uncertain_end_is_told_as_such():
    async with works() as w:
        w.networks["right"].automatic = False
        w.networks["left"].emit(posted("perhaps"))
        await w.clock.advance(0)
        while w.networks["right"].open:
            w.networks["right"].answer(ZeroDivisionError("a bug"))
            await w.clock.advance(20)
        assert told(w) == ["“perhaps” may not have reached right:#b: the bridge failed at this message"]


async def test_where_nobody_can_be_told_in_private_nobody_is_and_that_is_counted():
    async with works(link=()) as w:
        w.add("open", able=capabilities(Representation.ADDRESS, without=(Feature.DIRECT,)))
        w.link("open:#o", "right:#b")
        await w.clock.advance(0)
        w.networks["right"].automatic = False
        w.networks["open"].emit(posted("psst", where="open:#o"))
        await w.clock.advance(0)
        w.networks["right"].answer(Permanent("too rude"))
        await w.clock.advance(3)
        assert w.networks["open"].sent == []
        assert w.count(Count.UNTOLD) == 1
        assert w.count(Count.NOTICES) == 0


async def test_of_a_private_word_no_address_is_repeated():
    async with works() as w:
        w.networks["right"].automatic = False
        w.networks["left"].emit(direct("psst", to=person("+15551230001", "right")))
        await w.clock.advance(0)
        w.networks["right"].answer(Permanent("no such number"))
        await w.clock.advance(3)
        assert told(w) == ["“psst” did not reach right: no such number"]


async def test_a_notice_that_fails_is_no_reason_for_another():
    async with works() as w:
        w.networks["left"].automatic = False
        await refuse(w, "one")
        await w.clock.advance(3)
        w.networks["left"].answer(Permanent("they have gone"))
        await w.clock.advance(200)
        assert len(told(w)) == 1
        assert w.clock.pending() <= 4
