"""Who asks, when proxies stand in between: what they say is believed only from addresses that the operator named.

Pure. Called by :mod:`bridge.web.public`.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import Final

import msgspec

from bridge.core.addresses import Address, Range, is_within

_FORWARDED_FOR: Final = re.compile(r'(?:^|;)\s*for\s*=\s*("(?:[^"\\]|\\.)*"|[^;,\s]+)', re.IGNORECASE)
_QUOTED_OR_COMMA: Final = re.compile(r'("(?:[^"\\]|\\.)*")|,')


class Proxies(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses of proxies, and the one header in which they tell whom they ask for."""

    trusted: tuple[Range, ...] = ()
    header: str = "x-forwarded-for"  # or "forwarded" (RFC 7239); lower case


def asker(peer: str, headers: Sequence[tuple[str, str]], proxies: Proxies) -> str:
    """Return the address of who asks: the last one in the chain that is no trusted proxy.

    ``headers`` have their names in lower case. What a stranger wrote into the header stands further left than what the
    proxies added, so it is never reached.
    """
    current = _address(peer)
    if current is None:
        return peer
    told = _told([value for name, value in headers if name == proxies.header], proxies.header)
    while told and is_within(str(current), proxies.trusted):
        before = _address(told.pop())
        if before is None:
            break
        current = before
    return str(current)


def _told(values: Sequence[str], header: str) -> list[str]:
    """Return the addresses that stand in the headers, nearest proxy last."""
    if header != "forwarded":
        return [part.strip() for value in values for part in value.split(",")]
    elements = [element for value in values for element in _elements(value)]
    found = [_FORWARDED_FOR.search(element) for element in elements]
    return [match[1].strip('"') if match else "" for match in found]


def _elements(value: str) -> list[str]:
    """Cut at commas that stand outside of quotes."""
    ends = [match.start() for match in _QUOTED_OR_COMMA.finditer(value) if match[1] is None]
    return [value[start:end] for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(value)], strict=True)]


def _address(text: str) -> Address | None:
    """Read an address with or without port and brackets; one of IPv4 in IPv6's clothes is one of IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
