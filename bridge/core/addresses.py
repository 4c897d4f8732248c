"""Which addresses a program may be sent to by somebody else's URL: those of the public Internet, and none behind it.

Pure: whoever resolves a name asks here about each address that came out, connects to exactly that one, and follows no
redirect without asking again. So no URL reaches a metadata service, a router or a database of the operator's, also when
a name answers differently the second time. Called by connectors and media readers before they connect.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Range = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last 32 bits are an IPv4 address, which is where such a packet goes."""
_COMPATIBLE = IPv6Network("::/96")
"""RFC 4291, section 2.5.5.1: deprecated, and still an IPv4 address to some systems."""
_NOWHERE: tuple[Range, ...] = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),  # shared by a provider's customers
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),  # relays to IPv6
    IPv4Network("198.18.0.0/15"),
    IPv6Network("64:ff9b:1::/48"),  # NAT64 inside a network
    IPv6Network("100::/64"),
    IPv6Network("2001::/23"),
    IPv6Network("fec0::/10"),
)


def is_public(address: str) -> bool:
    """Tell whether an address is one of the public Internet; False for what is no address, and for a name.

    An IPv6 address that holds an IPv4 one (mapped, 6to4, NAT64, Teredo) is judged by both.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return "%" not in address and all(_is_public(each) for each in (parsed, *_inside(parsed)))


def parse_range(text: str) -> Range:
    """Return ``192.0.2.0/24``, or a single address, as a range. Raises: ValueError with what was found and expected."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        msg = f'found "{text}", expected an address ("192.0.2.7") or a range ("192.0.2.0/24", "2001:db8::/32")'
        raise ValueError(msg) from None


def is_within(address: str, ranges: Iterable[Range]) -> bool:
    """Tell whether an address lies in one of the ranges; an IPv4 address in IPv6's clothes counts as what it is."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    plain = mapped or parsed
    return any(plain.version == each.version and plain in each for each in ranges)


def is_reachable(address: str, ranges: Iterable[Range]) -> bool:
    """Tell whether somebody else may name an address: it is public, or the operator allows its range."""
    return is_public(address) or is_within(address, ranges)


def _is_public(address: Address) -> bool:
    if address.is_multicast or address.is_unspecified or not address.is_global:
        return address in _NAT64  # judged by what is inside
    return not any(address.version == each.version and address in each for each in _NOWHERE)


def _inside(address: Address) -> list[IPv4Address]:
    """Return the IPv4 addresses that an IPv6 address leads to."""
    if not isinstance(address, IPv6Address):
        return []
    found = [each for each in (address.ipv4_mapped, address.sixtofour) if each is not None]
    if address.teredo is not None:
        found += address.teredo
    if address in _NAT64 or address in _COMPATIBLE:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return found
