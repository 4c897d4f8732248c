"""The other real servers of the tests, one class each, in the same manner as the demonstration's Prosody and InspIRCd.

All listen on loopback on free ports, keep everything in a folder of their own, and are awaited until they answer. A
server that is not installed fails the test and names the Debian package; nothing is skipped.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import aiohttp

from bridge.demo.processes import Server, StartError, answers, free_port, program
from bridge.demo.servers import InspIRCd, Prosody, certificate

__all__ = [
    "Alertmanager",
    "CollapsingProsody",
    "Ejabberd",
    "InspIRCd",
    "Jabberd2",
    "LockedNgircd",
    "MulticastEjabberd",
    "Ngircd",
    "Prosody",
    "XmppServer",
    "Znc",
    "certificate",
]


class XmppServer(Protocol):
    """What a test needs of any XMPP server."""

    domain: str
    conference: str
    component: str
    secret: str
    port: int
    component_port: int


MODULES = Path(__file__).parents[2] / "contrib" / "prosody"


class CollapsingProsody(Prosody):
    """A Prosody that has our module mod_muc_puppets."""

    def settings(self) -> str:
        """Return the search path of the module."""
        return f'{super().settings()}plugin_paths = {{ "{MODULES}" }}\n'

    def muc_options(self) -> str:
        """Return the options of the MUC component, with the module enabled."""
        return super().muc_options().replace('"muc_mam"', '"muc_mam", "muc_puppets"')


_STREAM = "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='{to}' xmlns='{ns}'>"


async def _speaks_xmpp(server: XmppServer) -> bool:
    clients = _STREAM.format(to=server.domain, ns="jabber:client").encode()
    component = _STREAM.format(to=server.component, ns="jabber:component:accept").encode()
    return await answers(server.port, say=clients, expect=b"mechanism>") and await answers(
        server.component_port, say=component, expect=b"id="
    )


class Ejabberd(Server):
    """An ejabberd with accounts, MUC with archive, and one component domain, without TLS.

    Started by ``erl`` itself: ``ejabberdctl`` would change the user and share epmd with other runs.
    """

    name = "ejabberd"
    patience = 60.0
    domain = "localhost"
    conference = "conference.localhost"

    def __init__(
        self,
        *,
        people: Mapping[str, str] | None = None,
        component: str = "bridge.localhost",
        secret: str = "component-secret",
        modules: str = "",
        archive: bool = True,
    ) -> None:
        super().__init__()
        self.people = dict(people or {})
        self.component = component
        self.secret = secret
        self.modules = modules  # more YAML under "modules:"
        self.archive = archive  # of rooms; the more is in it, the dearer it is
        self.port = free_port()
        self.component_port = free_port()
        self.http_port = free_port()

    def command(self) -> Sequence[str]:
        self._write()
        erl = program("erl", package="erlang-base")
        lazy = ["+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none"]  # its schedulers would spin while they wait
        return [erl, "+K", "true", *lazy, "-noinput", "-mnesia", "dir", f'"{self.folder}/mnesia"', "-s", "ejabberd"]

    def environment(self) -> Mapping[str, str]:
        return {
            "EJABBERD_CONFIG_PATH": str(self.folder / "ejabberd.yml"),
            "EJABBERD_LOG_PATH": str(self.folder / "ejabberd.log"),
            "ERL_LIBS": str(self._home().parent),
            "HOME": str(self.folder),
            "ERL_CRASH_DUMP_BYTES": "0",
        }

    async def ready(self) -> bool:
        return await _speaks_xmpp(self)

    async def start(self) -> None:
        await super().start()
        for user, password in self.people.items():
            await self._register(user, password)

    @staticmethod
    def _home() -> Path:
        found = sorted(Path("/usr/lib").glob("*/ejabberd-*"))
        if not found:
            msg = "ejabberd is not installed; it comes with the package ejabberd: apt-get install ejabberd"
            raise StartError(msg)
        return found[-1]

    async def _register(self, user: str, password: str) -> None:
        body = json.dumps({"user": user, "host": self.domain, "password": password}).encode()
        request = (
            f"POST /api/register HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        ).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.http_port)
        writer.write(request + body)
        answer = await asyncio.wait_for(reader.read(), 20)
        writer.close()
        status = answer.split(b" ", 2)[1]
        if status not in (b"200", b"409"):
            msg = f"ejabberd would not register {user}: {answer[:200]!r}"
            raise StartError(msg)

    def _write(self) -> None:
        (self.folder / "mnesia").mkdir(exist_ok=True)
        (self.folder / "ejabberd.yml").write_text(
            f"""
hosts: ["{self.domain}"]
loglevel: warning
listen:
  - port: {self.port}
    ip: "127.0.0.1"
    module: ejabberd_c2s
    starttls: false
    max_stanza_size: 1048576
    shaper: none
  - port: {self.component_port}
    ip: "127.0.0.1"
    module: ejabberd_service
    access: all
    shaper: none
    hosts:
      "{self.component}":
        password: "{self.secret}"
  - port: {self.http_port}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers:
      /api: mod_http_api
api_permissions:
  "tests":
    from: [mod_http_api]
    who: all
    what: "*"
disable_sasl_mechanisms: ["digest-md5", "X-OAUTH2"]
modules:
  mod_disco: {{}}
  mod_http_api: {{}}
  mod_ping: {{}}
  mod_roster: {{}}
  mod_version: {{}}
  mod_stream_mgmt: {{}}
  mod_mam:
    default: always
    db_type: mnesia
  mod_muc:
    host: "{self.conference}"
    access: all
    access_admin: none
    access_create: all
    access_mam: all
    access_persistent: all
    max_users: 2000
    max_user_conferences: 2000
    max_users_presence: 5000
    min_message_interval: 0
    min_presence_interval: 0
    user_message_shaper: none
    user_presence_shaper: none
    room_shaper: none
    default_room_options:
      mam: {str(self.archive).lower()}
      max_users: 2000
{self.modules}
"""
        )


class MulticastEjabberd(Ejabberd):
    """An ejabberd that sends one stanza for many addresses of a component that understands it (XEP-0033)."""

    def __init__(self, *, people: Mapping[str, str] | None = None, archive: bool = True) -> None:
        super().__init__(people=people, modules="  mod_multicast: {}\n", archive=archive)


class Jabberd2(Server):
    """A jabberd2 (router, sm, c2s and mu-conference under one shell) with accounts, MUC and one component domain.

    Its component stanzas come in the namespace ``jabber:client``, the trap that it is here for.
    """

    name = "jabberd2"
    domain = "localhost"
    conference = "conference.localhost"

    def __init__(
        self,
        *,
        people: Mapping[str, str] | None = None,
        component: str = "bridge.localhost",
        secret: str = "secret",  # mu-conference cuts longer ones
    ) -> None:
        super().__init__()
        self.people = dict(people or {}) | {"probe": "probe"}
        self.component = component
        self.secret = secret
        self.port = free_port()
        self.component_port = free_port()  # the router's

    def command(self) -> Sequence[str]:
        self._write()
        parts = [
            f"{program('jabberd2-router', package='jabberd2')} -c {self.folder}/router.xml",
            f"{program('jabberd2-sm', package='jabberd2')} -c {self.folder}/sm.xml",
            f"{program('jabberd2-c2s', package='jabberd2')} -c {self.folder}/c2s.xml",
            f"{program('mu-conference', package='jabber-muc')} -c {self.folder}/muc.xml",
        ]
        # each waits for the router's port by itself: sm and c2s try again every 2 s, the MUC service does not
        script = f"{parts[0]} & sleep 0.3; {parts[1]} & {parts[2]} & {parts[3]} & wait"
        return ["/bin/sh", "-c", script]

    async def ready(self) -> bool:
        """Try a whole room: all four programs have found each other when its disco#info is answered."""
        if not await _speaks_xmpp(self):
            return False
        try:
            async with asyncio.timeout(3):
                return await self._room_service_answers()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            return False

    async def _room_service_answers(self) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            opening = _STREAM.format(to=self.domain, ns="jabber:client").encode()
            writer.write(opening)
            await reader.readuntil(b"</stream:features>")
            secret = base64.b64encode(b"\0probe\0probe").decode()
            writer.write(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>".encode())
            await reader.readuntil(b"<success")
            writer.write(opening)
            await reader.readuntil(b"</stream:features>")
            writer.write(b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
            await reader.readuntil(b"</iq>")
            writer.write(b"<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>")
            await reader.readuntil(b"<iq")
            query = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
            writer.write(f"<iq type='get' id='muc' to='{self.conference}'>{query}</iq>".encode())
            await reader.readuntil(b"category='conference'")
            return True
        finally:
            writer.close()

    def _write_people(self) -> None:
        with contextlib.closing(sqlite3.connect(self.folder / "users.db")) as database, database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS authreg "
                "(username TEXT NOT NULL, realm TEXT NOT NULL, password TEXT, PRIMARY KEY (username, realm))"
            )
            rows = [(user, self.domain, password) for user, password in self.people.items()]
            database.executemany("INSERT OR REPLACE INTO authreg VALUES (?, ?, ?)", rows)

    def _write(self) -> None:
        folder = self.folder
        for name in ("rooms", "store"):
            (folder / name).mkdir(exist_ok=True)
        libraries = next(iter(sorted(Path("/usr/lib").glob("*/jabberd2"))), Path("/usr/lib/jabberd2"))
        chains = {
            "sess-start": "status", "sess-end": "status iq-last", "in-sess": "validate status privacy roster iq-vcard iq-ping iq-private disco "
            "presence deliver", "in-router": "session validate presence privacy", "out-router": "privacy",
            "pkt-sm": "iq-last iq-ping iq-time iq-version disco presence", "pkt-user": "roster presence disco iq-vcard deliver iq-last",
            "pkt-router": "session disco", "user-load": "active roster privacy", "user-create": "active", "user-delete": "active privacy roster status",
            "disco-extend": "iq-version",
        }  # fmt: skip
        modules = "".join(
            f"<chain id='{chain}'>{''.join(f'<module>{name}</module>' for name in names.split())}</chain>"
            for chain, names in chains.items()
        )
        router = f"<router><ip>127.0.0.1</ip><port>{self.component_port}</port><user>jabberd</user><pass>inner</pass></router>"
        self._write_people()
        (folder / "users.xml").write_text("<users><user><name>jabberd</name><secret>inner</secret></user></users>")
        (folder / "filter.xml").write_text("<filter/>")
        (folder / "router.xml").write_text(
            f"<router><id>router</id><log type='stdout'/><local><ip>127.0.0.1</ip><port>{self.component_port}</port>"
            f"<users>{folder}/users.xml</users><secret>{self.secret}</secret></local><io><max_fds>1024</max_fds></io>"
            f"<aci><acl type='all'><user>jabberd</user></acl><filter>{folder}/filter.xml</filter></aci></router>"
        )
        (folder / "sm.xml").write_text(
            f"<sm><id>sm</id>{router}<log type='stdout'/><local><id>{self.domain}</id></local><storage><path>{libraries}</path>"
            f"<driver>fs</driver><fs><path>{folder}/store</path></fs></storage><modules><path>{libraries}</path>{modules}</modules>"
            "<discovery><identity><category>server</category><type>im</type><name>test</name></identity></discovery>"
            "<user><auto-create/></user></sm>"
        )
        (folder / "c2s.xml").write_text(
            f"<c2s><id>c2s</id>{router}<log type='stdout'/><local><id>{self.domain}</id><ip>127.0.0.1</ip><port>{self.port}</port></local>"
            "<io><max_fds>1024</max_fds></io>"
            f"<authreg><path>{libraries}</path><module>sqlite</module><mechanisms><traditional/><sasl><plain/></sasl></mechanisms>"
            f"<sqlite><dbname>{folder}/users.db</dbname><password_type><plaintext/></password_type></sqlite></authreg></c2s>"
        )
        (folder / "muc.xml").write_text(
            f"<jcr><name>{self.conference}</name><host>{self.conference}</host><ip>127.0.0.1</ip><port>{self.component_port}</port>"
            f"<secret>{self.secret}</secret><spool>{folder}/rooms/</spool><logdir>{folder}/</logdir><pidfile>{folder}/muc.pid</pidfile>"
            "<loglevel>124</loglevel><conference xmlns='jabber:config:conference'><public/><vCard><FN>rooms</FN></vCard><history>40</history>"
            "<notice><join>is here</join><leave>has left</leave><rename>is now</rename></notice></conference></jcr>"
        )


class Ngircd(Server):
    """A ngircd without penalties, look-ups or PAM: an old-fashioned server whose only capability is multi-prefix."""

    name = "ngircd"

    def __init__(self, *, more: str = "", options: str = "") -> None:
        super().__init__()
        self.port = free_port()
        self.more = more  # further sections
        self.options = options  # further lines of [Options]

    def command(self) -> Sequence[str]:
        (self.folder / "ngircd.conf").write_text(
            f"""
[Global]
Name = irc.example.net
Info = test
Listen = 127.0.0.1
Ports = {self.port}
MotdPhrase = hello
[Limits]
ConnectRetry = 5
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 30
MaxPenaltyTime = 0
PingTimeout = 120
PongTimeout = 60
[Options]
DNS = no
Ident = no
PAM = no
{self.options}
[Operator]
Name = oper
Password = oper
{self.more}
"""
        )
        if os.geteuid() == 0:
            self.folder.chmod(0o755)  # it becomes the user irc
        return [program("ngircd", package="ngircd"), "--nodaemon", "--config", str(self.folder / "ngircd.conf")]

    async def ready(self) -> bool:
        return await answers(self.port, say=b"NICK probe\r\nUSER probe 0 * :probe\r\n", expect=b" 001 ")


class LockedNgircd(Ngircd):
    """A ngircd that nobody enters without its password."""

    def __init__(self) -> None:
        super().__init__(more="[Global]\nPassword = sesame", options="WebircPassword = s3cret")

    async def ready(self) -> bool:
        """Try to enter without it."""
        return await answers(self.port, say=b"NICK probe\r\nUSER probe 0 * :probe\r\n", expect=b"assword")


class Alertmanager(Server):
    """A Prometheus Alertmanager that tells one URL of every change at once, and knows no other Alertmanagers."""

    name = "alertmanager"

    def __init__(self, url: str) -> None:
        super().__init__()
        self.port = free_port()
        self.url = url  # who is told

    def command(self) -> Sequence[str]:
        (self.folder / "alertmanager.yml").write_text(
            f"""
route: {{ receiver: room, group_by: [alertname], group_wait: 100ms, group_interval: 500ms, repeat_interval: 1h }}
receivers: [{{ name: room, webhook_configs: [{{ url: "{self.url}", send_resolved: true }}] }}]
"""
        )
        return [
            program("prometheus-alertmanager", package="prometheus-alertmanager"),
            f"--config.file={self.folder / 'alertmanager.yml'}",
            f"--storage.path={self.folder}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]

    async def ready(self) -> bool:
        """Ask whether it is ready."""
        return await answers(self.port, say=b"GET /-/ready HTTP/1.0\r\n\r\n", expect=b" 200 ")

    async def alert(self, name: str, instance: str, *, over: bool = False) -> None:
        """Tell it of an alert, as Prometheus does, or that the alert is over."""
        now = datetime.now(UTC)
        times = {"endsAt": now.isoformat()} if over else {"startsAt": now.isoformat()}
        labels = {"alertname": name, "instance": instance, "severity": "critical"}
        alert = {"labels": labels, "annotations": {"summary": f"{instance} is down"}, **times}
        url = f"http://127.0.0.1:{self.port}/api/v2/alerts"
        async with aiohttp.ClientSession() as session, session.post(url, json=[alert]) as response:
            assert response.status == 200, await response.text()


class Znc(Server):
    """A ZNC that keeps one user, ``linkspan`` with the password ``secret``, in one channel of an IRC server on loopback."""

    name = "znc"
    password = "linkspan/test:secret"

    def __init__(self, upstream: int, channel: str) -> None:
        super().__init__()
        self.port = free_port()
        self.upstream = upstream
        self.channel = channel

    def command(self) -> Sequence[str]:
        """Write the configuration, return the command line; ZNC does not like to be root."""
        self._write()
        znc = program("znc", package="znc")
        command = [znc, "--foreground", "--datadir", str(self.folder)]
        if os.geteuid() != 0:
            return command
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        rights = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        return [program("setpriv", package="util-linux"), *rights, *command]

    async def ready(self) -> bool:
        """Ask what it can; it need not have reached its own server yet."""
        return await answers(self.port, say=b"CAP LS 302\r\n", expect=b" LS ")

    def _write(self) -> None:
        (self.folder / "configs").mkdir(exist_ok=True)
        salt = "20characters-of-salt"
        hashed = hashlib.sha256(f"secret{salt}".encode()).hexdigest()
        (self.folder / "configs/znc.conf").write_text(
            f"""
Version = 1.8.2
AnonIPLimit = 100
ConnectDelay = 0
<Listener here>
 Host = 127.0.0.1
 Port = {self.port}
 IPv4 = true
 IPv6 = false
 SSL = false
 AllowIRC = true
</Listener>
<User linkspan>
 Pass = sha256#{hashed}#{salt}#
 Nick = linkspan
 Ident = linkspan
 RealName = Linkspan
 Buffer = 500
 <Network test>
  Server = 127.0.0.1 {self.upstream}
  FloodBurst = 100
  FloodRate = 100.00
  <Chan {self.channel}>
  </Chan>
 </Network>
</User>
"""
        )


NOBODY = 65534
"""The user that has no rights, on every Debian."""
