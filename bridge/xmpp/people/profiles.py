"""What is asked of remote people: who they are (vCards), how long they are idle, what their programs say.

At a ghost's own address, and at an occupant's of a hosted room, where a user's own client is asked instead. The networks' answers are
waited for; where a network has none, or does not give it to this user, the bridge answers for itself as it does for every address
(``disco``). Given to ``answers`` by the connector.

Specifications: XEP-0054, 0292, 0012, 0092, 0199, 0202; XEP-0045 section 17.4 for occupants.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Protocol

from msgspec.structs import replace

from bridge.connector import Session
from bridge.core.acts import ActRefused, Obstacle
from bridge.core.ids import XMPP, Network, Person
from bridge.core.profiles import Profile, Question, Wanted
from bridge.xmpp.directory import Directory
from bridge.xmpp.hosted import speech
from bridge.xmpp.hosted.occupants import Occupant
from bridge.xmpp.hosted.places import CONDITIONS
from bridge.xmpp.hosted.requests import user
from bridge.xmpp.hosted.service import Hosting
from bridge.xmpp.people import cards
from bridge.xmpp.ports import Answer, Described, IqRefused, Photo, Request
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

_PING: Final = f"{{{ns.PING}}}ping"
PATIENCE: Final = 15.0
"""Seconds that a user's own client, or server, may take."""


class People(Protocol):
    """Who knows the people of all networks: :class:`bridge.people.People`."""

    def may(self, user: str, network: Network) -> bool:
        """Tell whether somebody (a bare JID) may ask a network something, or look out for its people."""

    def opens(self, network: Network) -> bool:
        """Tell whether there is no such network, but would be as soon as somebody came into one of its rooms."""

    def informs(self, network: Network) -> bool:
        """Tell whether a network says who its people are."""

    async def profile(self, person: Person, by: Person) -> Profile:
        """Return what a network tells of somebody. Raises: ActRefused."""

    async def people(self, network: Network, wanted: Wanted, by: Person) -> list[Profile]:
        """Return who fits. Raises: ActRefused."""

    async def ask(self, person: Person, question: Question, by: Person) -> str:
        """Ask somebody's program. Raises: ActRefused."""

    def sight(self, person: Person, *, on: bool) -> bool:
        """Look out for somebody, or no more; False where the network does not tell who is there."""

    def session(self, user: Person, network: Network) -> Session | None:
        """Return how somebody's own connection is, None where nobody has one."""

    async def raw(self, network: Network, user: Person, line: str) -> None:
        """Send a line over somebody's own connection. Raises: ActRefused."""


Usual = Callable[[Request], str | Awaitable[str]]


class Enquiries:
    """Answers for remote people, and for occupants."""

    def __init__(
        self,
        around: Surroundings,
        *,
        directory: Directory,
        hosting: Hosting,
        people: Callable[[], People | None],
        is_joined: Callable[[str], bool],
    ) -> None:
        """``is_joined`` tells of a bare address whether it is a joined room's: whoever asks through it is not known."""
        self._around = around
        self._directory = directory
        self._hosting = hosting
        self._people = people
        self._is_joined = is_joined
        self._began = around.clock.monotonic()

    def answers(self, usual: Mapping[str, Answer]) -> Iterator[tuple[str, str, Answer]]:
        """Return what is asked and who answers it; ``usual`` are the answers, by payload, of other addresses and other people."""
        for payload, answer in (
            (f"{{{ns.VCARD}}}vCard", self._card),
            (f"{{{ns.VCARD4}}}vcard", self._card),
            (f"{{{ns.VERSION}}}query", self._version),
            (_PING, self._ping),
            (f"{{{ns.TIME}}}time", self._time),
        ):
            yield "get", payload, partial(self._about, answer, usual[payload])
        yield "get", f"{{{ns.LAST}}}query", partial(self._about, self._last, self._uptime)

    def _about(
        self, answer: Callable[[Request, Person, Usual], Awaitable[str]], usual: Usual, request: Request
    ) -> str | Awaitable[str]:
        """Find whom it is about. Raises: IqRefused."""
        address, _, nick = request.to.partition("/")
        place = self._hosting.place(address) if nick else None
        if place is not None:
            asker, occupant = place.room.at(request.sender), place.room.called(nick)
            if asker is None:
                raise IqRefused("not-acceptable", "this client is not in the room")
            if occupant is None:
                raise IqRefused("item-not-found", "there is nobody of this nick in the room")
            if occupant is asker and request.payload.tag == _PING:
                return usual(request)  # XEP-0410
            if occupant.is_user:
                return self._pass_on(request, occupant, f"{address}/{asker.nick}")
            return answer(self._described(request, occupant.person), occupant.person, usual)
        person = self._person(request, address)
        return usual(request) if person is None else answer(request, person, usual)

    def _described(self, request: Request, person: Person) -> Request:
        """Return what is asked at an occupant's address as it is asked of the person: the room is somebody else."""
        described = self._of(person)
        return request if described is None else replace(request, described=described)

    def _of(self, person: Person) -> Described | None:
        address = self._around.ghost_address(person)
        return self._directory.describe(address.rpartition("@")[0]) if address else None

    def _person(self, request: Request, address: str) -> Person | None:
        """Return who stands at an address of ours, if that is somebody, and is known who asks."""
        local = address.rpartition("@")[0]
        if not local or self._directory.network_at(local) is not None or self._hosting.is_room(address):
            return None
        return None if self._is_joined(request.sender.partition("/")[0]) else self._directory.person_at(local)

    async def _pass_on(self, request: Request, occupant: Occupant, sender: str) -> str:
        """Ask the client of a user in the room; for a vCard, their account (XEP-0045 section 17.4). Raises: IqRefused."""
        client = next(iter(occupant.clients), "")
        if not client:
            raise IqRefused("recipient-unavailable", "they have no client at the moment")
        to = client.partition("/")[0] if request.payload.tag.startswith(f"{{{ns.VCARD}}}") else client
        payload = speech.written(request.payload)
        answer = await self._around.component.iq("get", to=to, payload=payload, sender=sender, timeout=PATIENCE)
        return "".join(speech.written(child) for child in answer)

    # -- the answers

    async def _card(self, request: Request, person: Person, usual: Usual) -> str:
        people = self._people()
        try:
            profile = await people.profile(person, user(request.sender)) if people is not None else None
        except ActRefused as refused:
            if refused.obstacle is Obstacle.ABSENT:
                raise IqRefused("item-not-found", str(refused)) from None
            profile = None
        if profile is None:
            return await _awaited(usual(request))
        write = cards.four if request.payload.tag.startswith(f"{{{ns.VCARD4}}}") else cards.temp
        return write(profile, self._photo(person))

    def _photo(self, person: Person) -> Photo | None:
        described = self._of(person)
        return None if described is None else described.photo

    async def _last(self, request: Request, person: Person, _: Usual) -> str:
        """Return for how long somebody has done nothing (XEP-0012 section 4)."""
        people = self._people()
        if people is None:
            raise IqRefused("service-unavailable")
        try:
            profile = await people.profile(person, user(request.sender))
        except ActRefused as refused:
            raise _refusal(refused) from None
        if profile.idle is None:
            raise IqRefused("service-unavailable", "the network does not tell")
        return stanzas.element("query", ns.LAST, attrs={"seconds": str(profile.idle)}, words=profile.away or "")

    def _uptime(self, _: Request) -> str:
        """Return for how long the bridge has run (XEP-0012 section 5)."""
        seconds = int(self._around.clock.monotonic() - self._began)
        return stanzas.element("query", ns.LAST, attrs={"seconds": str(seconds)})

    async def _version(self, request: Request, person: Person, usual: Usual) -> str:
        said = await self._said(request, person, Question.SOFTWARE)
        if said is None:
            return await _awaited(usual(request))
        name, _, version = said.partition(" ")
        inner = stanzas.element("name", words=name) + stanzas.element("version", words=version or "?")
        return stanzas.element("query", ns.VERSION, children=inner)

    async def _ping(self, request: Request, person: Person, usual: Usual) -> str:
        said = await self._said(request, person, Question.ECHO)
        return await _awaited(usual(request)) if said is None else ""

    async def _time(self, request: Request, person: Person, usual: Usual) -> str:
        said = await self._said(request, person, Question.TIME)
        if said is None:
            return await _awaited(usual(request))
        moment = _moment(said)
        if moment is None:
            raise IqRefused("feature-not-implemented", f"their client says: {said}")
        offset = moment.utcoffset() or timedelta()
        utc = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        inner = stanzas.element("tzo", words=_written(offset)) + stanzas.element("utc", words=utc)
        return stanzas.element("time", ns.TIME, children=inner)

    async def _said(self, request: Request, person: Person, question: Question) -> str | None:
        """Return what somebody's program says, None where the bridge has to answer for it. Raises: IqRefused.

        Their ghost is asked, which is there also where their program says nothing; only the time would be another's.
        """
        people = self._people()
        if people is None:
            return None
        try:
            return await people.ask(person, question, user(request.sender))
        except ActRefused as refused:
            is_silent = refused.obstacle in (Obstacle.AWAY, Obstacle.BUSY) and question is not Question.TIME
            if is_silent or refused.obstacle is Obstacle.IMPOSSIBLE:
                return None
            raise _refusal(refused) from None


async def _awaited(answer: str | Awaitable[str]) -> str:
    return answer if isinstance(answer, str) else await answer


def _refusal(refused: ActRefused) -> IqRefused:
    return IqRefused(CONDITIONS[refused.obstacle], str(refused))


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def _written(offset: timedelta) -> str:
    """Return an offset as XEP-0082 writes it: ``+01:00``."""
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


# -- the other way: a user's own client


class Clients:
    """Asks users' own clients, for people of networks."""

    def __init__(self, around: Surroundings, clients: Callable[[str], str]) -> None:
        """``clients`` gives the client of a user (a bare JID) that can be asked best, "" for none."""
        self._around = around
        self._clients = clients
        self._known: dict[str, tuple[float, str]] = {}

    async def ask(self, person: Person, question: Question, *, by: Person) -> str:
        """Return what a user's client says. Raises: ActRefused."""
        bare = person.id.partition("/")[0]
        client, sender = self._clients(bare), self._around.ghost_address(by)
        if not client or sender is None or person.network != XMPP:
            raise ActRefused(Obstacle.AWAY, "they have no client that could be asked")
        now = self._around.clock.monotonic()
        known = self._known.get(client)
        if question is Question.SOFTWARE and known is not None and now - known[0] < _FRESH:
            return known[1]
        try:
            said = await self._ask(client, sender, question)
        except IqRefused as refused:
            raise ActRefused(Obstacle.FORBIDDEN, refused.text or refused.condition) from None
        if question is Question.SOFTWARE:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[client] = (now, said)
        return said

    async def _ask(self, client: str, sender: str, question: Question) -> str:
        """Ask, and return the answer in one line. Raises: IqRefused."""
        payload = _PAYLOADS[question]
        answer = await self._around.component.iq("get", to=client, payload=payload, sender=sender, timeout=_QUICK)
        match question:
            case Question.SOFTWARE:
                query = f"{{{ns.VERSION}}}"
                parts = (answer.findtext(f".//{query}{name}") or "" for name in ("name", "version", "os"))
                return " ".join(" ".join(part.split()) for part in parts if part)
            case Question.TIME:
                time = f"{{{ns.TIME}}}"
                return _local(answer.findtext(f".//{time}utc") or "", answer.findtext(f".//{time}tzo") or "")
            case Question.ECHO:
                return ""


_FRESH: Final = 300.0
_MOST_KNOWN: Final = 1_000
_QUICK: Final = 5.0
_PAYLOADS: Final = {
    Question.SOFTWARE: f"<query xmlns='{ns.VERSION}'/>",
    Question.TIME: f"<time xmlns='{ns.TIME}'/>",
    Question.ECHO: f"<ping xmlns='{ns.PING}'/>",
}


def _local(utc: str, tzo: str) -> str:
    """Return the moment of an entity time with its offset. Raises: IqRefused where it is none."""
    moment = _moment(utc.replace("Z", "+00:00"))
    shift = _moment(f"2000-01-01T00:00:00{tzo.replace('Z', '+00:00')}")
    if moment is None or shift is None:
        raise IqRefused("undefined-condition", "this is no time")
    return moment.astimezone(shift.tzinfo).isoformat(timespec="seconds")


__all__ = ["Clients", "Enquiries", "People"]
