"""Profanity, a client for terminals."""

from collections.abc import Sequence

from bridge.demo.processes import program
from tests.support.clients.terminal import Terminal

_SETTINGS = """
[ui]
splash=false
enc.warn=false
tls.show=false
beep=false
flash=false
wintitle.show=false
time.console=off
time.chat=off
time.muc=off
time.private=off
time.config=off
titlebar.muc.title.jid=true
correction.char=+
[notifications]
message=false
room=off
invite=false
sub=false
[chatstates]
outtype=true
[privacy]
[account]
[logging]
chlog=false
grlog=false
[connection]
reconnect=0
autoping=0
[plugins]
"""


class Profanity(Terminal):
    """One client of a user."""

    def __init__(self, user: str, password: str, *, port: int, domain: str = "localhost") -> None:
        super().__init__("profanity")
        self.user, self._password, self._port, self._domain = user, password, port, domain

    def command(self) -> Sequence[str]:
        """Write settings and an account, return the command line."""
        config, data = self.folder / "config" / "profanity", self.folder / "data" / "profanity"
        config.mkdir(parents=True)
        data.mkdir(parents=True)
        (config / "profrc").write_text(_SETTINGS)
        (data / "accounts").write_text(
            f"[me]\nenabled=true\njid={self.user}@{self._domain}\nserver=127.0.0.1\nport={self._port}\nresource=profanity\n"
            f"password={self._password}\nmuc.nick={self.user}\ntls.policy=disable\n"
        )
        (data / "accounts").chmod(0o600)
        return [program("profanity", package="profanity"), "--account", "me"]
