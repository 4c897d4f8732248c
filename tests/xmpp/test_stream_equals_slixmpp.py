"""The fast reader hands over exactly what slixmpp's own would, on random streams cut at random places."""

import os
import random

import pytest

from tests.support.xmpp_streams import DOMAIN, Fast, Stock, random_cuts, random_multicast, random_stream

ROUNDS = int(os.environ.get("LINKSPAN_FUZZ_ROUNDS", "80"))


@pytest.mark.parametrize("seed", range(ROUNDS))
async def test_random_streams_read_as_slixmpp_reads_them(seed):  # slixmpp wants a loop
    dice = random.Random(seed)
    stream = random_stream(dice, dice.choice((3, 40, 200, 1000)))
    stock, fast = Stock(), Fast()
    for piece in random_cuts(dice, stream):
        if not stock.ended:
            stock.data_received(piece)
        fast.reader.feed(piece)
        assert len(fast.stanzas) == len(stock.stanzas)  # not only the same in the end, but as soon
    assert fast.stanzas == stock.stanzas
    assert fast.ended == stock.ended


@pytest.mark.parametrize("seed", range(ROUNDS // 4))
def test_a_stanza_for_many_reads_as_the_copies_that_it_stands_for(seed):
    dice = random.Random(seed)
    listed, single = random_multicast(dice, dice.choice((3, 40, 200)))
    one, many = Fast(domain=DOMAIN), Fast(domain=DOMAIN)
    many.reader.feed(single)
    for piece in random_cuts(dice, listed):
        one.reader.feed(piece)
    assert one.stanzas == many.stanzas
