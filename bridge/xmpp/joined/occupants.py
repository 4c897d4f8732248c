"""Who is in a joined room, by the presences that its reader gets: sightings in, changes of members out.

Our own occupants (listener and ghosts) are kept here too, since their nicks are taken and their words are reflections,
but they are never members. No I/O, no clock; the room decides which sightings are ours and what becomes of the changes.
"""

from typing import NamedTuple

from bridge.core.events import Member
from bridge.core.ids import XMPP, Person, PersonId, digest
from bridge.core.nicks import nick_key
from bridge.core.text import clean_name
from bridge.xmpp.joined.muc import RENAMED, Sighting


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

    def keep(self, before: "Occupant") -> None:
        """Keep what is known and is not said again: a reader with fewer rights is told less."""
        self.jid = self.jid or before.jid
        self.role = self.role or before.role
        self.affiliation = self.affiliation or before.affiliation
        self.occupant_id = self.occupant_id or before.occupant_id


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
        self._departed: dict[str, Occupant] = {}  # by the nick that they had until a moment ago
        self._departed_before: dict[str, Occupant] = {}
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
        self.elapse()
        self.elapse()

    def elapse(self) -> None:
        """Let a second pass: who was gone before the last one is forgotten, since anybody may have their nick now."""
        self._departed_before, self._departed = self._departed, {}

    def see(self, seen: Sighting, *, ours: bool) -> list[Change]:
        """Take down a presence; returns what changed for the members."""
        if not seen.available:
            return self._gone(seen)
        known = self._by_nick.get(seen.nick)
        moved = self._renaming.pop(seen.nick, None)
        changes: list[Change] = []
        if moved is not None and (ours or known is not None):
            changes, moved = self._replace(moved, None, seen), None  # somebody else has the nick that they asked for
        if ours:
            return changes + self._replace(known, self._one_of_ours(seen), seen)
        before = known if known is not None and not known.ours else moved
        now = Occupant(self._member(seen, before), seen, ours=False)
        if before is not None:
            now.keep(before)
        return changes + self._replace(known or moved, now, seen)

    def claim(self, nick: str) -> list[Change]:
        """Make whoever has this nick one of ours: they have proved to be."""
        known = self._by_nick.get(nick)
        if known is None or known.ours:
            return []
        seen = Sighting(nick=nick, available=True, jid=known.jid, role=known.role, affiliation=known.affiliation)
        return self._replace(known, self._one_of_ours(seen), seen)

    def forget(self, nick: str) -> None:
        """Take one of ours out without waiting for the room to say so."""
        known = self._by_nick.get(nick)
        if known is not None and known.ours:
            self._unseat(known)

    def author(self, nick: str, occupant_id: str = "") -> Member:
        """Return who said something under a nick, perhaps long ago: nicks change hands, occupant-ids do not.

        Where a service of its own multiplies the messages (ejabberd), a presence can overtake somebody's last words.
        """
        departed = self._departed_before | self._departed
        known = self._by_nick.get(nick) or departed.get(nick)
        if not self.occupant_ids or not occupant_id:
            if known is not None and not known.ours:
                return known.member
        elif known is None or known.occupant_id != occupant_id:
            everybody = (*self._by_nick.values(), *departed.values())
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

    def _one_of_ours(self, seen: Sighting) -> Occupant:
        nobody = Member(person=Person(XMPP, PersonId(f"{self._address}/{seen.nick}")), name=seen.nick)
        return Occupant(nobody, seen, ours=True)

    def _gone(self, seen: Sighting) -> list[Change]:
        known = self._by_nick.get(seen.nick)
        if known is None:
            known = self._renaming.pop(seen.nick, None)
        if known is None:
            return []
        if RENAMED not in seen.codes or not seen.new_nick or known.ours:
            return self._replace(known, None, seen)
        self._unseat(known)
        other = self._renaming.get(seen.new_nick)
        self._renaming[seen.new_nick] = known
        return [] if other is None else self._replace(other, None, seen)

    def _replace(self, old: Occupant | None, new: Occupant | None, seen: Sighting) -> list[Change]:
        """Take one occupant out and put another in; returns what that changes for the people who are shown."""
        affected = [o.member.person.id for o in (old, new) if o is not None and not o.ours]
        before = {person: self._shown(person) for person in affected}
        place = 0 if old is None else self._unseat(old, for_good=True)
        if new is not None:
            self._seat(new, place if old is not None and old.member.person == new.member.person else None)
        return _changes([(before[person], self._shown(person)) for person in before], seen)

    def _shown(self, person: PersonId) -> Member | None:
        """Return the member that others are told of for a person: the first of their occupants."""
        found = self._by_person.get(person)
        return found[0].member if found else None

    def _seat(self, occupant: Occupant, place: int | None) -> None:
        self._by_nick[occupant.nick] = occupant
        self._nicks[nick_key(occupant.nick)] = occupant.nick
        if not occupant.ours:
            same = self._by_person.setdefault(occupant.member.person.id, [])
            same.insert(len(same) if place is None else place, occupant)

    def _unseat(self, occupant: Occupant, *, for_good: bool = False) -> int:
        """Take an occupant's nick, and them out of the book for good; returns which of their person's they were."""
        if self._by_nick.get(occupant.nick) is occupant:
            del self._by_nick[occupant.nick]
            self._nicks.pop(nick_key(occupant.nick), None)
            self._departed[occupant.nick] = occupant
        if occupant.ours or not for_good:
            return 0
        person = occupant.member.person.id
        same = self._by_person[person]
        place = same.index(occupant)
        del same[place]
        if not same:
            del self._by_person[person]
        return place


def _changes(pairs: list[tuple[Member | None, Member | None]], seen: Sighting) -> list[Change]:
    """Compare who was shown for each person with who is; one who went as another came is one who was renamed."""
    if len(pairs) == 2:
        (old, gone), (none, new) = pairs
        if old is not None and gone is None and none is None and new is not None:
            return [Renamed(old, new)]
    return [change for before, after in pairs if (change := _change(before, after, seen)) is not None]


def _change(before: Member | None, after: Member | None, seen: Sighting) -> Change | None:
    if after is None:
        return None if before is None else Left(before, seen)
    if before is None:
        return Joined(after)
    if before.name != after.name:
        return Renamed(before, after)
    return None if before == after else Joined(after)
