"""The engine's bounds, in one value: what may be in memory, how long things may take, how often they are tried."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds with sensible defaults; tests make them small. Times are in seconds."""

    uncommitted: int = 5_000  # events in memory that the store has not yet written
    keys: int = 20_000  # facts remembered as known; older ones only matter when replayed, and then the store is asked
    messages: int = 10_000  # messages whose ids in all rooms are at hand
    content: int = 4_096  # longest text (code points) that is kept at hand for quoting; longer ones are read back
    lane: int = 500  # deliveries of one room in memory; the rest waits in the store
    page: int = 250  # read back at once

    age: float = 0.0  # what is older is not sent any more; 0: however old
    send: float = 300.0  # a send that takes longer is uncertain
    faults: int = 5  # tries when a connector raises what the contract does not foresee, or cannot tell
    retries: int = 200  # tries when a network says "not now": with back-off, most of a day
    notice: float = 3.0  # failures of this long are told to the sender in one notice
    stable: float = 60.0  # a network that ran for so long starts its back-off anew
    leave: float = 3.0  # how long a connector may take to leave
    silent: float = 172_800.0  # somebody known only by what they say counts as gone after so long
    grace: float = 120.0  # members of a closed room stay shown for so long
