"""What stands at the component's addresses: the bridge itself, its networks, and a ghost for each remote person.

Asked by the component for disco#info, vCard and version (:class:`bridge.xmpp.ports.Describes`); told by the connector who
is shown where. No stanzas here.
"""

from collections.abc import Callable, Mapping
from functools import partial

from msgspec.structs import replace

from bridge.core.events import Member
from bridge.core.ids import XMPP, Network, Person, PersonId
from bridge.core.jids import from_localpart, to_localpart
from bridge.xmpp.people import blocking
from bridge.xmpp.ports import Described, Item, Photo
from bridge.xmpp.wire import multicast
from bridge.xmpp.wire import namespaces as ns


class Directory:
    """The component's addresses."""

    def __init__(
        self,
        domain: str,
        *,
        find: Callable[[Person], Member | None],
        photo: Callable[[Member], Photo | None] = lambda _: None,
    ) -> None:
        self._domain = domain
        self._find = find
        self._photo = photo
        self.offered: Callable[[str, str], tuple[Item, ...]] = (
            lambda *_: ()
        )  # what can be done there, by whom; set by the connector
        self._kinds: dict[Network, str] = {}
        self._fixed: Network | None = None
        self.searches: Callable[[Network], bool] = lambda _: False  # whether people can be looked for there
        self.registers: Callable[[Network], bool] = lambda _: False  # whether users can register there
        self.opens: Callable[[Network], bool] = lambda _: False  # whether a server would be connected to
        self.rooms: Callable[[str], Described | None] = lambda _: None  # what hosted rooms show of themselves
        self.hosted: Callable[[Person], Member | None] = lambda _: None  # how somebody is shown in one

    def know_networks(self, kinds: Mapping[Network, str], *, fixed: Network | None = None) -> None:
        """Learn which networks there are, of which kind each is (``irc``), and whose people have addresses without a network."""
        self._fixed = fixed if fixed in kinds else None
        self._kinds = {network: kind for network, kind in kinds.items() if network != XMPP}

    def network_at(self, localpart: str) -> Network | None:
        """Return the network whose own address this is, None if it is none's."""
        found = from_localpart(localpart)
        if found is None or found[1] is not None:
            return None
        network = Network(found[0])
        return network if network in self._kinds else None

    def openable(self, localpart: str) -> Network | None:
        """Return the server that an address names, which would be a network as soon as somebody came into a room of it."""
        found = from_localpart(localpart)
        if found is None or found[1] is not None or not ("." in found[0] or ":" in found[0]):
            return None  # a word may be anything, above all a mistake
        network = Network(found[0])
        return network if network not in self._kinds and self.opens(network) else None

    def network_or_server(self, localpart: str) -> Network | None:
        """Return the network whose own address this is, or the server that would be one."""
        return self.network_at(localpart) or self.openable(localpart)

    def is_room(self, localpart: str) -> bool:
        """Tell whether this is the address of a hosted room."""
        return self.rooms(localpart) is not None

    def person_at(self, localpart: str) -> Person | None:
        """Return who stands at one of our addresses, None if it is nobody's."""
        found = from_localpart(localpart)
        network = None if found is None else found[1] or self._fixed
        if found is None or network is None or not found[0]:
            return None
        person = Person(network, PersonId(found[0]))
        known = network in self._kinds or network == XMPP
        return person if known or self._find(person) is not None else None

    def shown(self, person: Person) -> Member | None:
        """Return how somebody is shown somewhere, None if they are shown nowhere."""
        return self._find(person)

    def describe(self, localpart: str) -> Described | None:
        """Return what stands at ``localpart@domain``, None if nothing does."""
        place = self._place(localpart)
        if place is not None:
            return replace(place, commands=partial(self.offered, localpart))
        person = self.person_at(localpart)
        if person is None:
            return None
        member = self._find(person) or self.hosted(person)
        if member is None:
            return ghost(Member(person=person, name=person.id))
        return replace(ghost(member), photo=self._photo(member))

    def _place(self, localpart: str) -> Described | None:
        """Return what stands at an address where something can be done: the bridge, a network, a hosted room."""
        if not localpart:
            return self._bridge()
        network = self.network_at(localpart)
        if network is not None:
            also = ((ns.SEARCH, self.searches(network)), (ns.REGISTER, self.registers(network)))
            features = (ns.MUC, ns.CHANNEL_SEARCH, *(feature for feature, there in also if there))
            return Described(category="gateway", kind=self._kinds[network], name=network, features=features)
        openable = self.openable(localpart)
        if openable is not None:
            return Described(category="gateway", kind="irc", name=openable, features=(ns.MUC, ns.REGISTER))
        return self.rooms(localpart)

    def _bridge(self) -> Described:
        kinds = set(self._kinds.values())
        items = tuple(Item(f"{to_localpart(network, None)}@{self._domain}", network) for network in self._kinds)
        return Described(
            category="gateway",
            kind=kinds.pop() if len(kinds) == 1 else "xmpp",
            name="Linkspan",
            features=(ns.ADDRESS, ns.MUC, ns.REGISTER, *blocking.FEATURES),
            forms=(multicast.LIMITS,),
            items=items,
            full_name="Linkspan",
            description="A bridge between chat networks.",
        )


def ghost(member: Member) -> Described:
    """Return what a remote person's address shows; all of a network are described alike, so that they share their caps."""
    person = member.person
    return Described(
        category="client",
        kind="bot" if member.bot else "pc",
        name=person.network,
        full_name=member.name,
        nickname=member.name,
        description=f"{member.handle or person.id} on {person.network}",
    )
