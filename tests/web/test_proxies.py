"""Whose word is believed for who asks."""

import pytest

from bridge.core.addresses import parse_range
from bridge.web.proxies import Proxies, asker

TRUSTED = tuple(map(parse_range, ["10.0.0.0/8", "::1", "192.0.2.1"]))
XFF, FORWARDED = "x-forwarded-for", "forwarded"


@pytest.mark.parametrize(
    ("peer", "told", "is_asked_by"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # a stranger's word
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),  # what the asker wrote stands further left
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1, 10.3.3.3 "], "198.51.100.1"),
        ("10.0.0.1", ["10.9.9.9, 10.3.3.3"], "10.9.9.9"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:DB8::1"], "2001:db8::1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, <script>"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("::1", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("fe80::1%eth0", [], "fe80::1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_x_forwarded_for(peer: str, told: list[str], is_asked_by: str) -> None:
    assert asker(peer, [(XFF, value) for value in told], Proxies(trusted=TRUSTED)) == is_asked_by


@pytest.mark.parametrize(
    ("told", "is_asked_by"),
    [
        (["for=198.51.100.1"], "198.51.100.1"),
        (["For=198.51.100.1;proto=https;by=10.0.0.1"], "198.51.100.1"),
        (["proto=https; for=198.51.100.1"], "198.51.100.1"),
        (['for="[2001:db8::1]:4711"'], "2001:db8::1"),
        (['for=6.6.6.6, for="198.51.100.1"'], "198.51.100.1"),
        (['for=198.51.100.1;by="a,for=6.6.6.6"'], "198.51.100.1"),
        (["for=198.51.100.1", "for=10.1.1.1"], "198.51.100.1"),
        (["for=_hidden"], "10.0.0.1"),
        (["proto=https"], "10.0.0.1"),
        (["xfor=6.6.6.6"], "10.0.0.1"),
    ],
)
def test_forwarded(told: list[str], is_asked_by: str) -> None:
    headers = [(FORWARDED, value) for value in told]
    assert asker("10.0.0.1", headers, Proxies(trusted=TRUSTED, header=FORWARDED)) == is_asked_by


def test_the_header_that_the_proxy_does_not_write_is_not_read() -> None:
    headers = [(FORWARDED, "for=6.6.6.6"), (XFF, "198.51.100.1")]
    assert asker("10.0.0.1", headers, Proxies(trusted=TRUSTED)) == "198.51.100.1"
    assert asker("10.0.0.1", headers, Proxies(trusted=TRUSTED, header=FORWARDED)) == "6.6.6.6"


def test_nobody_is_trusted_unless_named() -> None:
    assert asker("127.0.0.1", [(XFF, "6.6.6.6")], Proxies()) == "127.0.0.1"
