"""atheme beside an InspIRCd: the services that accounts and SASL live in, started by hand like every other server."""

import os
from collections.abc import Sequence

from bridge.demo.people import IrcPerson, NotSeen
from bridge.demo.processes import Server, program
from bridge.demo.servers import InspIRCd

_MODULES = (
    "protocol/inspircd", "backend/opensex", "crypto/pbkdf2v2", "nickserv/main", "nickserv/identify", "nickserv/register",
    "nickserv/cert", "saslserv/main", "saslserv/plain", "saslserv/external", "operserv/main", "chanserv/main",
)  # fmt: skip


def with_services(*, tls: bool = False) -> InspIRCd:
    """Return an InspIRCd that lets atheme link, with its SASL module."""
    ircd = InspIRCd(tls=tls)
    ircd.modules = (*ircd.modules, "spanningtree", "sasl", "sha256")
    ircd.more = (
        f'<bind address="127.0.0.1" port="{ircd.link_port}" type="servers">'
        f'<link name="services.example.org" ipaddr="127.0.0.1" port="{ircd.link_port}" allowmask="127.0.0.1" '
        'sendpass="pw" recvpass="pw"><uline server="services.example.org" silent="yes">'
        '<sasl target="services.example.org" requiressl="no">'
    )
    return ircd


class Atheme(Server):
    """atheme-services linked to an InspIRCd that :func:`with_services` made."""

    name = "atheme"

    def __init__(self, ircd: InspIRCd) -> None:
        super().__init__()
        self.ircd = ircd

    def command(self) -> Sequence[str]:
        (self.folder / "data").mkdir(exist_ok=True)
        modules = "\n".join(f'loadmodule "modules/{name}";' for name in _MODULES)
        (self.folder / "atheme.conf").write_text(
            f"""
{modules}
serverinfo {{
  name = "services.example.org"; desc = "test"; numeric = "00A"; recontime = 1; netname = "Test"; hidehostsuffix = "u";
  adminname = "a"; adminemail = "a@example.org"; registeremail = "a@example.org"; mta = "/bin/true";
  loglevel = {{ error; info; }}; maxcertfp = 5; maxlogins = 100; maxusers = 100; mdlimit = 30; emaillimit = 10; emailtime = 300;
  auth = none; casemapping = rfc1459;
}};
uplink "{self.ircd.host}" {{ host = "127.0.0.1"; port = {self.ircd.link_port}; send_password = "pw"; receive_password = "pw"; }};
nickserv {{ nick = "NickServ"; user = "NickServ"; host = "services.example.org"; real = "n"; aliases {{ }}; access {{ }}; maxnicks = 5; }};
saslserv {{ nick = "SaslServ"; user = "SaslServ"; host = "services.example.org"; real = "s"; }};
operserv {{ nick = "OperServ"; user = "OperServ"; host = "services.example.org"; real = "o"; aliases {{ }}; access {{ }}; }};
chanserv {{ nick = "ChanServ"; user = "ChanServ"; host = "services.example.org"; real = "c"; aliases {{ }}; access {{ }}; maxchans = 5; }};
database {{ }};
general {{ commit_interval = 5; expiry = 30; }};
"""
        )
        root = ["-r"] if os.geteuid() == 0 else []
        return [
            program("atheme-services", package="atheme-services"), "-n", *root, "-c", str(self.folder / "atheme.conf"),
            "-l", str(self.folder / "atheme.log"), "-p", str(self.folder / "atheme.pid"), "-D", str(self.folder / "data"),
        ]  # fmt: skip

    async def ready(self) -> bool:
        """Try to see NickServ on the network."""
        try:
            async with IrcPerson("probe2", port=self.ircd.port) as probe:
                probe.send("WHOIS NickServ")
                line = await probe.see(lambda line: " 311 " in line or " 401 " in line, patience=3)
                return " 311 " in line
        except (OSError, NotSeen):
            return False

    async def register(self, nick: str, password: str, *, fingerprint: str = "") -> None:
        """Register somebody's nick, and the certificate that logs in to it."""
        async with IrcPerson(nick, port=self.ircd.port) as person:
            person.send(f"PRIVMSG NickServ :REGISTER {password} {nick}@example.org")
            await person.line("NOTICE", "registered")
            if fingerprint:
                person.send(f"PRIVMSG NickServ :CERT ADD {fingerprint}")
                await person.line("NOTICE", "fingerprint")
