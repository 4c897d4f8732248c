"""What servers say when they do not want us, and what we make of it."""

import pytest

from connectors.irc.connection.refusals import Failure, Kind, closing_kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        # InspIRCd
        ("Closing link: (link@127.0.0.1) [Z-Lined: spam]", Kind.BANNED),
        ("Closing link: (link@127.0.0.1) [G-Lined: spam]", Kind.BANNED),
        ("Closing link: (link@127.0.0.1) [K-Lined: spam]", Kind.BANNED),
        ("Closing link: (unknown@127.0.0.1) [Your IP has been blacklisted.]", Kind.BANNED),
        ("Closing link: (link@127.0.0.1) [No more connections allowed from your host via this connect class (local)]", Kind.FULL),
        ("Closing link: (link@127.0.0.1) [Your IP range has been attempting to connect too many times. Wait a while]", Kind.THROTTLED),
        ("Closing link: (link@127.0.0.1) [Unauthorised connection]", Kind.AUTH),
        ("Closing link: (link@127.0.0.1) [Invalid password]", Kind.AUTH),
        ("Closing link: (link@127.0.0.1) [RecvQ exceeded]", Kind.CLOSED),
        ("Closing link: (link@127.0.0.1) [Ping timeout: 120 seconds]", Kind.NETWORK),
        ("Closing link: (link@127.0.0.1) [Server shutting down]", Kind.CLOSED),
        ("Closing link: (link@127.0.0.1) [WEBIRC: you don't match any configured WebIRC hosts.]", Kind.AUTH),
        # UnrealIRCd
        ("Closing Link: link[127.0.0.1] (User has been banned from the network)", Kind.BANNED),
        ("Closing Link: [1.2.3.4] (Throttled: Reconnecting too fast) -Email admin@example.org for more information.", Kind.THROTTLED),
        ("Closing Link: link[1.2.3.4] (Too many connections from your IP)", Kind.FULL),
        ("Closing Link: [1.2.3.4] (CGI:IRC -- No access)", Kind.AUTH),
        # solanum, ratbox, hybrid
        ("Closing Link: 1.2.3.4 (K-Lined)", Kind.BANNED),
        ("Closing Link: 1.2.3.4 (*** Banned )", Kind.BANNED),
        ("Trying to reconnect too fast.", Kind.THROTTLED),
        ("Closing Link: 1.2.3.4 (Too many host connections (local))", Kind.FULL),
        ("Closing Link: 1.2.3.4 (Too many host connections (global))", Kind.FULL),
        ("Closing Link: 1.2.3.4 (Too many user connections (global))", Kind.FULL),
        ("Closing Link: 1.2.3.4 (SASL access only)", Kind.AUTH),
        ("Closing Link: 1.2.3.4 (Excess Flood)", Kind.CLOSED),
        # ngircd
        ("Your IP address is already connected too often (Too many connections)", Kind.FULL),
        ("Access denied: Bad password?", Kind.AUTH),
        ("Too many connections!", Kind.FULL),
        ("Closing connection", Kind.CLOSED),
        ("Connection throttled", Kind.THROTTLED),
        # ircu
        ("Your host is trying to (re)connect too fast -- throttled", Kind.THROTTLED),
        ("Closing Link: link by irc.test (G-lined)", Kind.BANNED),
        # our own name and host prove nothing
        ("Closing Link: banned[proxy.k-lined.example] (Excess Flood)", Kind.CLOSED),
        ("", Kind.CLOSED),
    ],
)  # fmt: skip
def test_sorts_what_servers_say(text, kind):
    assert closing_kind(text) is kind


def test_only_what_somebody_has_to_change_is_final():
    assert {kind for kind in Kind if Failure(kind, "").permanent} == {
        Kind.BANNED,
        Kind.AUTH,
        Kind.FORBIDDEN,
    }
