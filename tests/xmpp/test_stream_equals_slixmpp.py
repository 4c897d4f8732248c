"""The fast reader hands over exactly what slixmpp's own would, on random streams cut at random places."""

import os
import random

import pytest

from tests.support.xmpp_streams import Fast, Stock, random_cuts, random_stream

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
