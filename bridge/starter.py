"""The first configuration of a new bridge, and what its XMPP server has to be told. Called by ``linkspan init``.

The file written here is short on purpose: what most people change, with the rest at its default. Every key there is
stands in ``config.example.toml``.
"""

import os
import secrets
from pathlib import Path
from typing import Final

_TEMPLATE: Final = """\
# Linkspan: see docs/operators/configuration.md for every key. After a change: linkspan check, then SIGHUP.
# A secret may also be {{ env = "NAME" }} or {{ file = "PATH" }}.

[xmpp]
domain = "{domain}"        # the component's domain; it needs no DNS entry for users of your own server
secret = "{secret}"
host = "127.0.0.1"                   # the XMPP server's component port
port = 5347
nick = "linkspan"                    # the bridge's own occupant in linked rooms
admins = []                          # ["you@example.org"]: told when something needs a person

[store]
url = "sqlite:///linkspan.db"        # beside this file; or "postgresql://user:password@host/name"

[http]
admin_listen = "127.0.0.1:8081"      # /healthz /readyz /metrics and what "linkspan status" asks

[log]
level = "info"                       # debug | info | warning | error
format = "text"                      # text | json

# A network to link with. Its name, "libera", is what rooms begin with further down.
#
# [networks.libera]
# connector = "irc"
# host = "irc.libera.chat"
# nick = "linkspan"                  # the listener's nick
#
# [networks.libera.puppets]
# mode = "full"                      # full: everybody is a user of their own there | lazy: who speaks | relay: nobody

# A link joins two or more rooms; what is said in one is heard in all others.
#
# [[links]]
# name = "dev"
# rooms = ["xmpp:dev@conference.example.org", "libera:#dev"]
"""

_PROSODY: Final = """\
Prosody (prosody.cfg.lua, at the end):

    Component "{domain}"
        component_secret = "{secret}"
"""

_EJABBERD: Final = """\
ejabberd (ejabberd.yml; the first line is there already):

    listen:
      -
        port: 5347
        ip: "127.0.0.1"
        module: ejabberd_service
        access: all
        hosts:
          "{domain}":
            password: "{secret}"
"""


def fresh_secret() -> str:
    """Return a secret that nobody guesses and every configuration language quotes without trouble."""
    return secrets.token_urlsafe(32)


def write(folder: Path, *, domain: str, secret: str) -> Path:
    """Write ``config.toml``, readable by its owner alone. Raises: FileExistsError, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.toml"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - the descriptor has the mode
        file.write(_TEMPLATE.format(domain=domain, secret=secret))
    return path


def snippets(*, domain: str, secret: str) -> str:
    """Return what Prosody and ejabberd need in their configuration."""
    return f"{_PROSODY}\n{_EJABBERD}".format(domain=domain, secret=secret)
