"""Prosody and InspIRCd, started by hand beside whatever else runs on the machine.

Both listen on loopback, on free ports, with a configuration written for the occasion. Used by the demonstration and
the tests.
"""

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bridge.demo.processes import Server, StartError, answers, free_port, program


class Prosody(Server):
    """A Prosody with accounts, a MUC service and one component domain, without TLS.

    Domains: ``localhost`` (accounts), ``conference.localhost`` (rooms), ``bridge.localhost`` (component).
    """

    name = "prosody"
    domain = "localhost"
    conference = "conference.localhost"

    def __init__(
        self,
        *,
        people: Mapping[str, str] | None = None,
        component: str = "bridge.localhost",
        secret: str = "component-secret",  # noqa: S107  # of a server that lives for a minute on loopback
        admins: Sequence[str] = (),
        options: str = "",
        more: str = "",
    ) -> None:
        super().__init__()
        self.people = dict(people or {})
        self.component = component
        self.secret = secret
        self.admins = list(admins)
        self.options = options  # global lines
        self.more = more
        self.port = free_port()  # clients
        self.component_port = free_port()
        self.http_port = free_port()

    def command(self) -> Sequence[str]:
        """Write configuration and accounts, return the command line."""
        self._write()
        return [program("prosody", package="prosody"), "--config", str(self.folder / "prosody.cfg.lua"), "-F"]

    async def ready(self) -> bool:
        """Try whether both ports speak XMPP."""
        stream = (
            f"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='{self.domain}' xmlns="
        )
        return await answers(
            self.port, say=f"{stream}'jabber:client'>".encode(), expect=b"mechanisms"
        ) and await answers(
            self.component_port,
            say=f"{stream}'jabber:component:accept'>".replace(self.domain, self.component).encode(),
            expect=b"id=",
        )

    def muc_options(self) -> str:
        """Return lines of the MUC component's configuration."""
        return 'modules_enabled = { "muc_mam" }\n  muc_room_locking = false\n  muc_log_by_default = true'

    async def shell(self, command: str) -> str:
        """Run a command of Prosody's own shell; returns what it printed. Raises: StartError when it failed."""
        config = str(self.folder / "prosody.cfg.lua")
        process = await asyncio.create_subprocess_exec(
            program("prosodyctl", package="prosody"),
            "--config",
            config,
            "shell",
            command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise StartError(output.decode(errors="replace"))
        return output.decode(errors="replace")

    def settings(self) -> str:
        """Return further global lines of the configuration."""
        return self.options

    def _write(self) -> None:
        data = self.folder / "data"
        accounts = data / "localhost" / "accounts"
        accounts.mkdir(parents=True, exist_ok=True)
        for user, password in self.people.items():
            (accounts / f"{user}.dat").write_text(f'return {{ ["password"] = "{password}" }};\n')
        admins = ", ".join(f'"{jid}"' for jid in self.admins)
        (self.folder / "prosody.cfg.lua").write_text(
            f"""
run_as_root = true
daemonize = false
pidfile = "{self.folder}/prosody.pid"
data_path = "{data}"
certificates = "{self.folder}"
log = {{ {{ levels = {{ min = "info" }}, to = "console" }} }}
interfaces = {{ "127.0.0.1" }}
local_interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {self.port} }}
c2s_direct_tls_ports = {{}}
component_ports = {{ {self.component_port} }}
component_interfaces = {{ "127.0.0.1" }}
http_ports = {{ {self.http_port} }}
http_interfaces = {{ "127.0.0.1" }}
https_ports = {{}}
authentication = "internal_plain"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
consider_websocket_secure = true
limits = {{}}
storage = "internal"
admins = {{ {admins} }}
modules_enabled = {{ "disco", "roster", "saslauth", "ping", "version", "private", "vcard4", "carbons", "websocket", "admin_shell" }}
modules_disabled = {{ "s2s", "offline" }}
{self.settings()}
VirtualHost "{self.domain}"
Component "{self.conference}" "muc"
  {self.muc_options()}
Component "{self.component}"
  component_secret = "{self.secret}"
{self.more}
"""
        )


class InspIRCd(Server):
    """An InspIRCd 3 without flood control, name look-ups or services. Operator: ``oper`` with password ``oper``."""

    name = "inspircd"
    modules: Sequence[str] = (
        "alias", "banexception", "botmode", "cap", "chanhistory", "chghost", "deaf", "inviteexception", "ircv3", "ircv3_accounttag",
        "ircv3_batch", "ircv3_capnotify", "ircv3_chghost", "ircv3_ctctags", "ircv3_echomessage", "ircv3_invitenotify",
        "ircv3_labeledresponse", "ircv3_msgid", "ircv3_servertime", "kicknorejoin", "monitor", "namesx", "noctcp", "nonicks", "redirect",
        "sajoin", "sakick", "samode", "sanick", "sapart", "saquit", "services_account", "setname", "sslinfo", "stripcolor", "uhnames",
        )  # fmt: skip

    def __init__(
        self,
        *,
        tls: bool = False,
        more: str = "",
        first: str = "",
        options: str = "",
        sid: str = "001",
        host: str = "irc.example.org",
    ) -> None:
        super().__init__()
        self.port = free_port()
        self.tls_port = free_port() if tls else 0
        self.link_port = free_port()
        self.more = more
        self.first = first  # before the <connect> for everybody
        self.options = options  # attributes of <options>
        self.sid = sid
        self.host = host

    def command(self) -> Sequence[str]:
        """Write the configuration, return the command line."""
        self._write()
        flags = ["--runasroot"] if os.geteuid() == 0 else []
        config = f"--config={self.folder / 'inspircd.conf'}"
        return [program("inspircd", package="inspircd"), "--nofork", "--nopid", *flags, config]

    async def ready(self) -> bool:
        """Try a whole registration: the port opens before the configuration is accepted."""
        return await answers(self.port, say=b"NICK probe\r\nUSER probe 0 * :probe\r\n", expect=b" 001 ")

    def loaded(self) -> Sequence[str]:
        """Return the modules that this installation has."""
        folders = [
            Path("/usr/lib/x86_64-linux-gnu/inspircd/modules"),
            Path("/usr/lib/inspircd/modules"),
            Path("/usr/lib/inspircd"),
        ]
        folders += list(Path("/usr/lib").glob("*/inspircd/modules"))
        there = {
            file.name.removeprefix("m_").removesuffix(".so") for folder in folders for file in folder.glob("m_*.so")
        }
        wanted = [name for name in self.modules if not there or name in there]
        return wanted + (["ssl_gnutls"] if self.tls_port else [])

    def _write(self) -> None:
        tls = ""
        if self.tls_port:
            certificate(self.folder, self.host)
            tls = (
                f'<bind address="127.0.0.1" port="{self.tls_port}" type="clients" sslprofile="clients">\n'
                f'<sslprofile name="clients" provider="gnutls" certfile="{self.folder}/cert.pem" keyfile="{self.folder}/key.pem" hash="sha256"'
                ' requestclientcert="yes">'
            )
        modules = "\n".join(f'<module name="{name}">' for name in self.loaded())
        (self.folder / "inspircd.conf").write_text(
            f"""
<server name="{self.host}" description="test" network="Test" id="{self.sid}">
<admin name="a" nick="a" email="a@example.org">
<bind address="127.0.0.1" port="{self.port}" type="clients">
{tls}
{modules}
{self.first}
<connect allow="*" timeout="60" pingfreq="60" hardsendq="64M" softsendq="32M" recvq="4M" localmax="5000" globalmax="5000" maxchans="500"
 threshold="100000" commandrate="1000000" fakelag="no" resolvehostnames="no" useident="no" limit="10000" modes="+i">
<cidr ipv4clone="32" ipv6clone="128">
<performance netbuffersize="65536" somaxconn="1024" softlimit="20000" quietbursts="yes" nouserdns="yes">
<options prefixquit="Quit: " syntaxhints="no" defaultmodes="not" splitwhois="no" ircumsgprefix="no" maskinlist="yes" {self.options}>
<limits maxnick="30" maxchan="64" maxmodes="20" maxident="11" maxquit="255" maxtopic="307" maxkick="255" maxreal="128" maxaway="200">
<class name="All" commands="*" privs="*" usermodes="*" chanmodes="*" snomasks="*">
<type name="Admin" classes="All" vhost="oper.example.org">
<oper name="oper" password="oper" host="*@*" type="Admin">
<chanhistory maxlines="1000" prefixmsg="no">
<botmode forcenotice="no">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="{self.folder}/ircd.log" flush="1">
{self.more}
"""
        )


def certificate(folder: Path, host: str) -> None:
    """Write a self-signed ``cert.pem`` and ``key.pem`` for a host name and 127.0.0.1."""
    if (folder / "cert.pem").exists():
        return
    subprocess.run(  # noqa: S603
        [
            program("openssl", package="openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "30", "-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host},DNS:localhost,IP:127.0.0.1",
            "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
