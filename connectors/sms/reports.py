"""What has become of a message, by reports that come in any order, late, twice, or not at all. Pure.

``queued < accepted < sent < (delivered | failed | expired | rejected)``: a state is only ever replaced by a later one, and a
final one by none, except that what failed may turn out to have been delivered. A message of several parts is delivered
when all of them are, and has failed when one of them has.
"""

from enum import StrEnum

import msgspec


class State(StrEnum):
    """How far a short message has come."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    REJECTED = "rejected"


_RANK = {State.QUEUED: 0, State.ACCEPTED: 1, State.SENT: 2}
BAD = frozenset({State.FAILED, State.EXPIRED, State.REJECTED})
FINAL = BAD | {State.DELIVERED}


def after(now: State, report: State) -> State:
    """Return the state that follows from a report."""
    if now is State.DELIVERED or (now in BAD and report is not State.DELIVERED):
        return now
    if report in FINAL:
        return report
    return report if _RANK.get(report, 0) > _RANK.get(now, 0) else now


def whole(parts: tuple[State, ...]) -> State:
    """Return the state of a message by those of its parts."""
    bad = next((part for part in parts if part in BAD), None)
    if bad is not None:
        return bad
    if all(part is State.DELIVERED for part in parts):
        return State.DELIVERED
    return min((State.SENT if part is State.DELIVERED else part for part in parts), key=lambda part: _RANK[part])


class Tracked(msgspec.Struct):
    """A message whose reports are awaited."""

    parts: list[State]
    told: bool = False  # its sender knows the end

    def report(self, part: int, state: State) -> State | None:
        """Take a report on a part, from 0; return the end that the sender has to be told now, None if there is none."""
        if not 0 <= part < len(self.parts):
            return None
        before = whole(tuple(self.parts))
        self.parts[part] = after(self.parts[part], state)
        now = whole(tuple(self.parts))
        if now not in FINAL or (self.told and now is before):
            return None
        self.told = True
        return now
