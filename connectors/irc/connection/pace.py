"""How long things take and how often they are tried, in one value: tests make it short. All times are in seconds."""

import msgspec


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """The connector's patience."""

    speaker: float = 15.0  # a message waits so long for its puppet to be in the room
    parting: float = 0.4  # a puppet stays so long after its person has gone: what they said last may be under way
    linger: float = 5.0  # a puppet that is in no channel stays connected
    talk: float = 600.0  # ... and so long after the last private word that its person wrote or got
    listing: float = 5.0  # what is said in a channel just entered waits so long for who is there
    verdict: float = 10.0  # a line of which nobody knows whether it arrived may still be seen by the listener
    rejoin: tuple[float, ...] = (5.0, 30.0, 120.0, 600.0)  # the listener, after it was kicked or refused
    knock: tuple[float, ...] = (30.0, 120.0, 600.0)  # a puppet, after a channel refused it for a while
    nick: float = 60.0  # between two looks whether wanted nicks are free, where the server does not tell by itself
    sight: float = (
        30.0  # between two looks who of users' contacts is there, or away, where the server does not tell by itself
    )
    away: float = 30.0  # between two looks who is away in a channel, where the server does not tell by itself; 0: never
    typing: float = 3.0  # between two notices that the same puppet is typing
    retry: float = 2.0  # after the first connection that failed; doubles
    longest_retry: float = 300.0
    absence: float = 20.0  # between two looks, in all, whether a server that does not answer is there again
    throttled: float = 15.0  # nobody connects, after the server said that we are too fast; doubles
    banned: float = 3600.0  # nobody connects, after several were refused for the address they come from
    leave: float = 2.5  # for saying good-bye when the bridge stops
