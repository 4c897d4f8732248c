"""How a person's connection looks to an IRC server: the address that it comes from, its user name, its WEBIRC line.

Pure. All three are made from the person, so that they are the same on every connection, and an operator over there can
tell our users apart and keep out one of them. What stands for a person is a hash with a key of the bridge's: nobody can try
addresses until one fits. Called for each new connection by :mod:`connectors.irc.scene` and the puppets.
"""

from ipaddress import ip_address

from bridge.connector import Setup
from bridge.core.addresses import Address, Range, parse_range
from bridge.core.events import Member
from bridge.core.ids import Person, digest
from connectors.irc.config import IrcSettings, servers
from connectors.irc.connection.dialing import Server
from connectors.irc.connection.registration import Webirc

_EXTRA = "-._"
"""What a user name may have in it beside letters and digits."""
_LONGEST = 64


def address_in(within: Range, key: str, person: Person) -> str:
    """Return a person's own address in a range; never its first and last, which many systems keep for themselves."""
    number = int(digest("address", key, person.network, person.id), 16)
    size = within.num_addresses
    offset = number % size if size <= 2 else 1 + number % (size - 2)
    return str(within.network_address + offset)


def servers_for(setup: Setup, person: Person | None) -> tuple[Server, ...]:
    """Return the network's servers as one person reaches them; None is the listener, who shows the configured certificate."""
    settings: IrcSettings = setup.settings
    return servers(
        settings, certificate=person is None, bind=_bind(settings, str(setup.key), person), reach=setup.reach
    )


def _bind(settings: IrcSettings, key: str, person: Person | None) -> str:
    """Return the local address to connect from, "" for the system's choice; the listener has a range's first."""
    if not settings.bind:
        return ""
    within = parse_range(settings.bind)
    if within.num_addresses == 1:
        return str(within.network_address)
    return address_in(within, key, person) if person is not None else str(within.network_address + 1)


def username(setup: Setup, member: Member) -> str:
    """Return a puppet's user name (ident); the server cuts it where it is too long."""
    person = member.person
    hidden = f"x{digest('ident', str(setup.key), person.network, person.id)[:8]}"
    words = setup.settings.puppet_username.replace("{id}", hidden).replace("{name}", member.name)
    words = words.replace("{address}", member.account or member.name).replace("@", ".")
    name = "".join(c for c in words if c.isascii() and (c.isalnum() or c in _EXTRA)).strip(_EXTRA)
    return name[:_LONGEST] or hidden


def webirc(setup: Setup, person: Person) -> Webirc | None:
    """Return what to say of a puppet's connection, None where the network was not told to trust us."""
    settings: IrcSettings = setup.settings
    if not settings.webirc_password:
        return None
    key = str(setup.key)
    ip = _written(ip_address(address_in(parse_range(settings.webirc_range), key, person)))
    hidden = digest("host", key, person.network, person.id)[:16]
    host = settings.webirc_host.replace("{ip}", ip).replace("{id}", hidden)
    return Webirc(password=str(settings.webirc_password), gateway=settings.webirc_gateway, host=host, ip=ip)


def marks(setup: Setup, member: Member) -> tuple[str, ...]:
    """Return by what the network can tell somebody's connections from those of others."""
    found = [username(setup, member)]
    within = setup.settings.bind and parse_range(setup.settings.bind)
    if within and within.num_addresses > 1:
        found.append(address_in(within, str(setup.key), member.person))
    said = webirc(setup, member.person)
    if said is not None:
        found += [said.ip, said.host]
    return tuple(dict.fromkeys(found))


def _written(address: Address) -> str:
    """Write an address as a middle parameter, which may not begin with a colon."""
    text = str(address)
    return f"0{text}" if text.startswith(":") else text
