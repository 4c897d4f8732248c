"""Who reads a channel when the listener is not in it: in each channel one puppet is kept hearing, as its deputy.

A deputy's copies are thrown away unread, as every puppet's, but for what the listener does. That tells it when to read,
and nothing else does: **a deputy reads exactly while, by what its own connection has shown, the listener is not in the
channel.** So at a KICK of the listener it takes over with the very next line, and hands back at the line that shows the
listener's JOIN; nothing is lost between the two and nothing is read twice, however far apart the two connections are.

Called by the puppets and by the listener. Not here: what lines mean (``inbound``), and putting the listener back.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from bridge.core.events import Cause
from bridge.core.ids import RoomId
from connectors.irc.connection.client import Connection, Line, Reads
from connectors.irc.puppets.wishes import Wishes
from connectors.irc.reading import pictures
from connectors.irc.reading.absence import Absence
from connectors.irc.reading.inbound import Batches
from connectors.irc.reading.places import Place, Step
from connectors.irc.scene import Scene, command

_CHANNEL_AT = {"324": 1, "332": 1, "333": 1, "352": 1, "353": 2, "354": 2}
"""Which parameter of a numeric is the channel; of commands it is the first."""
_EVERYWHERE = frozenset({"QUIT", "NICK", "AWAY", "ACCOUNT", "CHGHOST", "SETNAME", "BATCH", "METADATA", "761", "766"})


_MOVES = frozenset({"JOIN", "PART", "KICK", "QUIT", "NICK"})


class Puppet(Protocol):
    """Who can be a deputy."""

    @property
    def connection(self) -> Connection | None:
        """The connection, while it is up."""

    @property
    def wishes(self) -> Wishes:
        """The channels that it shall be in."""

    @property
    def is_asking(self) -> bool:
        """Whether its person has asked the server something in its own words, and waits for all that it says."""


class _Post(msgspec.Struct, eq=False):
    """The deputy of one channel."""

    place: Place
    deputy: Puppet
    is_in: bool = False
    reads: bool = False


class Deputies:
    """All deputies of a network."""

    def __init__(
        self, scene: Scene, absence: Absence, *, others: Callable[[], Iterable[Puppet]], changed: Callable[[], None]
    ) -> None:
        """``others`` are all puppets; ``changed`` is called when another one reads a channel."""
        self._scene = scene
        self._absence = absence
        self._others = others
        self._changed = changed
        self._posts: dict[RoomId, _Post] = {}
        self._batches: dict[Puppet, Batches] = {}
        self._listener: dict[Puppet, str] = {}  # its nick, by what each deputy's connection has shown

    def claim(self, puppet: Puppet) -> bool:
        """Reserve the posts that are free in the channels of a puppet about to connect; tells whether it has any."""
        for wish in puppet.wishes:
            self._posts.setdefault(wish.place.id, _Post(wish.place, puppet))
        return any(post.deputy is puppet for post in self._posts.values())

    def offer(self, puppet: Puppet, place: Place) -> None:
        """Take note that a puppet is in a channel; where there is no deputy, or it is the one, it begins to hear."""
        post = self._posts.setdefault(place.id, _Post(place, puppet))
        if post.deputy is not puppet and not post.is_in and post.deputy.connection is None:
            post = self._posts[place.id] = _Post(place, puppet)  # whoever was to do it has not come
        connection = puppet.connection
        if post.deputy is not puppet or connection is None:
            return
        post.is_in = True
        self._batches.setdefault(puppet, Batches())
        self._heed(puppet, connection, self._scene.view.me)
        if connection.deaf and connection.deaf in connection.modes:
            command(connection, "MODE", connection.nick, f"-{connection.deaf}")
        if place.step is not Step.IN:
            self._take_over(post, connection)

    def dismiss(self, puppet: Puppet, place: Place) -> None:
        """Take note that a puppet is not in a channel any more; where it was the deputy, another one is."""
        post = self._posts.get(place.id)
        if post is None or post.deputy is not puppet:
            return
        del self._posts[place.id]
        self._relieve(puppet)
        successor = next((p for p in self._others() if p is not puppet and p.wishes.is_in(place.id)), None)
        if successor is not None:
            self.offer(successor, place)
        if place.step is not Step.IN and not self.has(place.id):
            self._absence.left(place)
            self._scene.emit(
                self._scene.inbound.closed(place.name, Cause.LOST, "nobody is left to read it", self._scene.now())
            )
        self._changed()

    def has(self, room: RoomId) -> bool:
        """Tell whether somebody is in a channel who will read it when the listener does not."""
        post = self._posts.get(room)
        return post is not None and post.is_in

    def reader(self, room: RoomId) -> str:
        """Return the nick of the deputy that reads a channel now, "" for none."""
        post = self._posts.get(room)
        if post is None or not post.reads or post.deputy.connection is None:
            return ""
        return post.deputy.connection.nick

    def connection(self, room: RoomId) -> Connection | None:
        """Return the connection of the deputy that reads a channel now, while nobody waits there for answers of another kind."""
        post = self._posts.get(room)
        return post.deputy.connection if post is not None and post.reads and not post.deputy.is_asking else None

    def listener_is(self, nick: str) -> None:
        """Take note of the nick under which the listener is about to join."""
        for puppet in {post.deputy for post in self._posts.values() if post.is_in}:
            if puppet.connection is not None:
                self._heed(puppet, puppet.connection, nick)

    def line(self, puppet: Puppet, line: Line) -> None:
        """Take a line that a puppet was given: see what the listener does, and read where it is not."""
        if puppet not in self._batches:
            return
        if line.command == pictures.LATER and puppet.connection is not None:
            self._scene.syncs.line(puppet.connection, line)
            return
        posts = [post for post in self._posts.values() if post.deputy is puppet and post.is_in]
        if self._is_about_listener(puppet, line):
            self._follow(puppet, posts, line)
            return
        fold = self._scene.view.fold
        read = {fold(post.place.name) for post in posts if post.reads}
        if read and (line.command in _EVERYWHERE or fold(_channel(line, self._scene.view.isupport.statusmsg)) in read):
            self._read(puppet, line)

    def _read(self, puppet: Puppet, line: Line) -> None:
        scene, batches = self._scene, self._batches[puppet]
        connection = puppet.connection
        if connection is not None and "batch" in line.tags and self._absence.recalls(connection, line, batches):
            return
        self._absence.pass_on(scene.inbound.read(line, scene.now(), batches))

    def _is_about_listener(self, puppet: Puppet, line: Line) -> bool:
        if line.command not in _MOVES:
            return False
        fold = self._scene.view.fold
        who = line.param(1) if line.command == "KICK" else line.nick
        return fold(who) == fold(self._listener[puppet])

    def _follow(self, puppet: Puppet, posts: list[_Post], line: Line) -> None:
        """Take over, or hand back, as the listener goes or comes."""
        connection, fold = puppet.connection, self._scene.view.fold
        if connection is None:
            return
        if line.command == "NICK":
            self._heed(puppet, connection, line.param(0))
            return
        for post in posts:
            if line.command == "QUIT":
                self._take_over(post, connection)
            elif fold(line.param(0)) == fold(post.place.name):
                if line.command == "JOIN":
                    self._hand_back(post, connection)
                else:
                    self._take_over(post, connection)

    def _take_over(self, post: _Post, connection: Connection) -> None:
        if post.reads:
            return
        post.reads = True
        connection.read(Reads.ALL)
        if self._scene.view.channel(post.place.name) is None:
            self._absence.entered(connection, post.place, names=True)
        self._changed()

    def _hand_back(self, post: _Post, connection: Connection) -> None:
        if not post.reads:
            return
        post.reads = False
        if not any(other.reads for other in self._posts.values() if other.deputy is post.deputy):
            connection.read(Reads.OWN)
        self._changed()

    def _heed(self, puppet: Puppet, connection: Connection, nick: str) -> None:
        self._listener[puppet] = nick
        connection.heed(nick)

    def _relieve(self, puppet: Puppet) -> None:
        """Hear nothing more, if there is no other channel to hear."""
        if any(post.deputy is puppet for post in self._posts.values()):
            return
        self._batches.pop(puppet, None)
        self._listener.pop(puppet, None)
        connection = puppet.connection
        if connection is not None:
            connection.heed("")
            connection.read(Reads.OWN)
            if connection.deaf and self._scene.settings.deaf:
                command(connection, "MODE", connection.nick, f"+{connection.deaf}")


def _channel(line: Line, statusmsg: str) -> str:
    return line.param(_CHANNEL_AT.get(line.command, 0)).lstrip(statusmsg)
