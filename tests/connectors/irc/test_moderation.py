"""What users do to others: the modes that make a rank, and the conversation with the server."""

import pytest

from bridge.core.acts import ActRefused, Obstacle
from bridge.core.events import Rank
from connectors.irc.connection.client import isupport_of
from connectors.irc.people.moderation import appointing

FULL = isupport_of(("PREFIX=(qaohv)~&@%+",), ("", ""))
PLAIN = isupport_of(("PREFIX=(ov)@+",), ("", ""))


@pytest.mark.parametrize(
    ("held", "rank", "isupport", "changes"),
    [
        ("", Rank.SPEAKER, PLAIN, "+v"),
        ("", Rank.ADMIN, PLAIN, "+o"),
        ("@", Rank.ADMIN, PLAIN, ""),
        ("@", Rank.SPEAKER, PLAIN, "-o+v"),
        ("@+", Rank.SPEAKER, PLAIN, "-o"),
        ("@+", Rank.MEMBER, PLAIN, "-ov"),
        ("", Rank.MEMBER, PLAIN, ""),
        ("+", Rank.ADMIN, PLAIN, "+o"),
        ("~&@", Rank.MODERATOR, FULL, "-qao+h"),
        ("", Rank.OWNER, FULL, "+q"),
        ("@", Rank.OWNER, FULL, "+q"),
    ],
)
def test_a_rank_is_given_and_higher_ones_are_taken(held, rank, isupport, changes):
    assert appointing(held, rank, isupport) == changes


@pytest.mark.parametrize("rank", [Rank.OWNER, Rank.MODERATOR])
def test_a_rank_that_the_network_does_not_have_is_refused(rank):
    with pytest.raises(ActRefused) as refused:
        appointing("", rank, PLAIN)
    assert refused.value.obstacle is Obstacle.IMPOSSIBLE
