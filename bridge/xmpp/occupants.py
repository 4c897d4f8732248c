"""Who is in a joined room, by the presences that its reader gets: sightings in, changes of members out.

Our own occupants (listener and ghosts) are kept here too, since their nicks are taken and their words are reflections,
but they are never members. No I/O, no clock; the room decides which sightings are ours and what becomes of the changes.
"""

from typing import NamedTuple

from bridge.core.events import Member
from bridge.core.ids import XMPP, Person, PersonId, digest
from bridge.core.nicks import nick_key
from bridge.core.text import clean_name
from bridge.xmpp.muc import RENAMED, Sighting


class Occupant:
    """Somebody in the room."""

    __slots__ = ("affiliation", "bridge", "jid", "member", "nick", "occupant_id", "ours", "role")

    def __init__(self, member: Member, seen: Sighting, *, ours: bool) -> None:
        self.nick = seen.nick
        self.member = member
        self.jid = seen.jid
        self.occupant_id = seen.occupant_id
        self.role = seen.role
        self.affiliation = seen.affiliation
        self.ours = ours
        self.bridge = seen.bridge  # the instance whose ghost this says to be


class Joined(NamedTuple):
    """Somebody came, or is not as they were."""

    member: Member


class Renamed(NamedTuple):
    """Somebody has another nick."""

    old: Member
    member: Member


class Left(NamedTuple):
    """Somebody is gone."""

    member: Member
    seen: Sighting


Change = Joined | Renamed | Left


class Occupants:
    """Everybody in one room, by nick."""

    def __init__(self, address: str) -> None:
        self._address = address  # the room's bare JID
        self._by_nick: dict[str, Occupant] = {}
        self._nicks: dict[str, str] = {}  # key -> nick: what the service cannot tell apart
        self._by_person: dict[PersonId, list[Occupant]] = {}
        self._renaming: dict[str, Occupant] = {}  # by the nick that they are about to have
        self.occupant_ids = False  # the room announces XEP-0421, so nobody can forge them

    def __len__(self) -> int:
        """Return how many there are, our own among them."""
        return len(self._by_nick)

    def get(self, nick: str) -> Occupant | None:
        """Return who has this nick, exactly."""
        return self._by_nick.get(nick)

    def holder(self, key: str) -> Occupant | None:
        """Return who has a nick with this key (:func:`bridge.core.nicks.nick_key`)."""
        found = self._nicks.get(key)
        return None if found is None else self._by_nick[found]

    def find(self, person: PersonId) -> Occupant | None:
        """Return an occupant who is this person."""
        found = self._by_person.get(person)
        return found[0] if found else None

    def members(self) -> list[Member]:
        """Return everybody who is not ours, each person once."""
        return [occupants[0].member for occupants in self._by_person.values()]

    def clear(self) -> None:
        """Forget everybody: the reader is not in the room."""
        self._by_nick.clear()
        self._nicks.clear()
        self._by_person.clear()
        self._renaming.clear()

    def see(self, seen: Sighting, *, ours: bool) -> list[Change]:
        """Take down a presence; returns what changed for the members."""
        if not seen.available:
            return self._gone(seen)
        known = self._by_nick.get(seen.nick)
        if ours:
            return self._put_ours(seen, known)
        if known is not None and not known.ours:
            return self._update(known, seen)
        changes = [] if known is None else self._remove(known, seen)
        before = self._renaming.pop(seen.nick, None)
        occupant = Occupant(self._member(seen, before), seen, ours=False)
        changes += self._put(occupant) if before is None else self._renamed(before, occupant)
        return changes

    def forget(self, nick: str) -> None:
        """Take one of ours out without waiting for the room to say so."""
        known = self._by_nick.get(nick)
        if known is not None and known.ours:
            self._unindex(known)

    def author(self, nick: str, occupant_id: str = "") -> Member:
        """Return who said something under a nick, perhaps long ago: nicks change hands, occupant-ids do not."""
        known = self._by_nick.get(nick)
        if not self.occupant_ids or not occupant_id:
            if known is not None and not known.ours:
                return known.member
        elif known is None or known.occupant_id != occupant_id:
            everybody = self._by_nick.values()
            known = next((o for o in everybody if o.occupant_id == occupant_id and not o.ours), None)
        if known is not None and not known.ours:
            return known.member
        return Member(person=Person(XMPP, self._person_without_jid(nick, occupant_id)), name=clean_name(nick))

    def _member(self, seen: Sighting, before: Occupant | None) -> Member:
        """Say who an occupant is: by the real JID where the room shows it, else by what it vouches for, else by nick.

        A reader without the rights of its predecessor sees less of the same person; then who they were is who they are.
        """
        account = seen.jid.partition("/")[0]
        if not account and before is not None:
            account = before.member.account
        person = PersonId(account) if account else self._person_without_jid(seen.nick, seen.occupant_id)
        return Member(
            person=Person(XMPP, person),
            name=clean_name(seen.nick),
            account=account,
            address=seen.jid or (before.jid if before is not None else ""),
            stand_in=bool(seen.bridge),
            presence=seen.presence,
        )

    def _person_without_jid(self, nick: str, occupant_id: str) -> PersonId:
        if not self.occupant_ids or not occupant_id:
            return PersonId(f"{self._address}/{nick}")
        # opaque, but it must not read like somebody's address
        return PersonId(digest(occupant_id) if "@" in occupant_id or "/" in occupant_id else occupant_id)

    def _put_ours(self, seen: Sighting, known: Occupant | None) -> list[Change]:
        changes: list[Change] = []
        if known is not None:
            changes = self._remove(known, seen)
        self._renaming.pop(seen.nick, None)
        nobody = Member(person=Person(XMPP, PersonId(f"{self._address}/{seen.nick}")), name=seen.nick)
        self._index(Occupant(nobody, seen, ours=True))
        return changes

    def _update(self, known: Occupant, seen: Sighting) -> list[Change]:
        known.role, known.affiliation = seen.role or known.role, seen.affiliation or known.affiliation
        member = self._member(seen, known)
        if member == known.member:
            return []
        if member.person != known.member.person:
            # nobody left in between, so it is the same occupant, of whom we now know better who they are
            return self._renamed(known, Occupant(member, seen, ours=False), remove=True)
        known.member, known.jid = member, seen.jid or known.jid
        first = self._by_person[member.person.id][0] is known
        return [Joined(member)] if first else []

    def _put(self, occupant: Occupant) -> list[Change]:
        self._index(occupant)
        same = self._by_person.setdefault(occupant.member.person.id, [])
        same.append(occupant)
        return [Joined(occupant.member)] if len(same) == 1 else []

    def _renamed(self, before: Occupant, now: Occupant, *, remove: bool = False) -> list[Change]:
        """Put ``now`` where ``before`` was, in the view of everybody elsewhere."""
        if remove:
            self._unindex(before)
        old = self._by_person.get(before.member.person.id, [])
        first = not old or old[0] is before
        if before in old:
            position = old.index(before)
            if before.member.person == now.member.person:
                old[position] = now
                self._index(now)
                return [Renamed(before.member, now.member)] if first else []
            old.remove(before)
            if not old:
                del self._by_person[before.member.person.id]
        self._put(now)
        return [Renamed(before.member, now.member)] if first else [Joined(now.member)]

    def _gone(self, seen: Sighting) -> list[Change]:
        known = self._by_nick.get(seen.nick) or self._renaming.pop(seen.nick, None)
        if known is None:
            return []
        if RENAMED in seen.codes and seen.new_nick and not known.ours:
            self._unindex(known)
            self._renaming[seen.new_nick] = known
            return []
        return self._remove(known, seen)

    def _remove(self, known: Occupant, seen: Sighting) -> list[Change]:
        self._unindex(known)
        if known.ours:
            return []
        person = known.member.person.id
        same = self._by_person[person]
        first = same[0] is known
        same.remove(known)
        if not same:
            del self._by_person[person]
            return [Left(known.member, seen)]
        # the same person is still here under another nick
        return [Renamed(known.member, same[0].member)] if first else []

    def _index(self, occupant: Occupant) -> None:
        self._by_nick[occupant.nick] = occupant
        self._nicks[nick_key(occupant.nick)] = occupant.nick

    def _unindex(self, occupant: Occupant) -> None:
        if self._by_nick.get(occupant.nick) is occupant:
            del self._by_nick[occupant.nick]
            self._nicks.pop(nick_key(occupant.nick), None)
