"""Poezio, a client for terminals."""

import os
import shutil
from collections.abc import Sequence

from bridge.demo.processes import program
from tests.support.clients.terminal import Terminal


class Poezio(Terminal):
    """One client of a user. It refuses to run as root, so it becomes nobody there."""

    def __init__(self, user: str, password: str, *, port: int, domain: str = "localhost") -> None:
        super().__init__("poezio")
        self.user, self._password, self._port, self._domain = user, password, port, domain

    def command(self) -> Sequence[str]:
        """Write the configuration, return the command line."""
        config = self.folder / "config" / "poezio"
        config.mkdir(parents=True)
        (config / "poezio.cfg").write_text(
            f"""[Poezio]
jid = {self.user}@{self._domain}/poezio
password = {self._password}
default_nick = {self.user}
custom_host = 127.0.0.1
custom_port = {self._port}
force_encryption = false
ignore_certificate = true
use_bookmarks_method = local
use_remote_bookmarks = false
send_chat_states = true
display_user_color_in_join_part = false
show_timestamps = false
enable_vertical_tab_list = false
first_launch = false
plugins_autoload = reorder
save_status = false
"""
        )
        poezio = [program("poezio", package="poezio")]
        if os.geteuid() != 0:
            return poezio
        for path in (self.folder, *self.folder.rglob("*")):
            shutil.chown(path, "nobody")
        setpriv = program("setpriv", package="util-linux")
        return [setpriv, "--reuid", "nobody", "--clear-groups", *poezio]

    async def join(self, room: str, nick: str) -> None:
        """Join a room, out of the list of contacts, with which it begins."""
        await self.shows("Your JID is")
        await self.press("/")
        await self.see(lambda screen: "Enter commands with" not in screen, "a line for commands")
        await self.type(f"join {room}/{nick}")

    async def type(self, line: str) -> None:
        """Type a line and, when it stands there, the return key: what comes in at once is taken to be pasted."""
        await self.press("-l", line)
        await self.shows(line[-40:])
        await self.press("Enter")
