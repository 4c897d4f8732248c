"""Nobody's URL leads behind the bridge: what is a public address, in every spelling that an address has."""

import pytest

from bridge.core.addresses import is_public, is_within, parse_range

PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001:80b::200e", "64:ff9b::808:808"]
HIDDEN = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "RFC 1918": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
    "link-local, where clouds keep their metadata": ["169.254.169.254", "fe80::1", "fe80::1%eth0"],
    "shared by a provider": ["100.64.0.1", "100.127.255.255"],
    "this host": ["0.0.0.0", "0.1.2.3", "::"],
    "unique local": ["fc00::1", "fd12:3456::1", "fec0::1"],
    "multicast and broadcast": ["224.0.0.1", "255.255.255.255", "ff02::1"],
    "documentation and tests": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "198.18.0.1"],
    "IPv4 in IPv6": ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::808:808"],
    "6to4 and Teredo of a private address": ["2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe"],
    "mapped, of this network": ["::ffff:192.168.0.1", "::ffff:0:0"],
    "no address at all": ["", "localhost", "2130706433", "0x7f000001", "127.1", "0177.0.0.1", "1.2.3.4.5", "::g"],
}


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize(("kind", "address"), [(kind, each) for kind, all_ in HIDDEN.items() for each in all_])
def test_nothing_else_is(kind, address):
    assert not is_public(address)


def test_an_address_is_found_in_its_range_in_either_form():
    ranges = [parse_range("192.0.2.0/24"), parse_range("2001:db8::/32"), parse_range("198.51.100.7")]
    assert is_within("192.0.2.9", ranges)
    assert is_within("::ffff:192.0.2.9", ranges)
    assert is_within("2001:db8:1::1", ranges)
    assert is_within("198.51.100.7", ranges)
    assert not is_within("192.0.3.1", ranges)
    assert not is_within("198.51.100.8", ranges)
    assert not is_within("", ranges)
    assert not is_within("gateway", ranges)
    assert not is_within("192.0.2.9", [])


def test_a_range_with_bits_of_a_host_is_its_network():
    assert parse_range(" 192.0.2.9/24 ") == parse_range("192.0.2.0/24")


def test_a_range_that_is_none_says_what_was_found():
    with pytest.raises(ValueError, match='found "the office", expected an address'):
        parse_range("the office")
