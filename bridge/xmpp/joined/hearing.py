"""What the reader of a joined room hears: its groupchat messages, live, from the history, and out of the archive.

Ours or news? A live message from one of our occupants is a reflection, and so is a replayed one whose ``<via/>`` ends
with this bridge. All else becomes an event. The history comes between the listener's join and the room's subject
(XEP-0045 section 7.2.1); just then a stamp on a message counts, later anybody could have written it. The subject that a
room tells whoever comes in is state: it is news only when it differs from the last one known, also over restarts.

While the archive is read (:mod:`bridge.xmpp.joined.listener`), and while the bridge cannot take more, what others say live is
held: a room with an archive can be asked again, so only so much is kept, and the archive has the rest.

Not here: what a message says (inbound), who said it (occupants), what our own copies settle (speech).
"""

from collections import deque
from typing import Protocol
from xml.etree.ElementTree import Element

from bridge.connector import Cursor
from bridge.core.events import Member, TopicChanged
from bridge.core.ids import XMPP, Person, PersonId, Room, digest
from bridge.xmpp.joined import muc
from bridge.xmpp.joined.archive import Reading
from bridge.xmpp.joined.occupants import Occupants
from bridge.xmpp.joined.speech import Speech
from bridge.xmpp.messages import inbound
from bridge.xmpp.messages.inbound import BODY, SUBJECT, Ids, Scene, Words
from bridge.xmpp.surroundings import Surroundings
from bridge.xmpp.wire import marks
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire.shapes import Familiar

MOST_HELD = 500
"""Live messages that are kept while the archive is read; more are read out of it."""


class Place(Protocol):
    """What hearing needs of its room."""

    room: Room
    address: str
    around: Surroundings
    occupants: Occupants
    speech: Speech

    def replaying(self) -> bool:
        """Whether the room still sends history."""

    def open(self) -> bool:
        """Whether the reader is in the room."""

    def just_entered(self) -> bool:
        """Whether the reader came in so recently that a stamp may be the room's."""

    def replay_over(self) -> None:
        """Learn that what comes from now on is live."""

    def is_ours(self, nick: str) -> bool:
        """Whether the listener or a ghost has this nick."""

    def reconfigured(self) -> None:
        """Learn that the room has another configuration."""

    @property
    def reading(self) -> Reading:
        """What the archive is being read for."""

    def reads_on_later(self) -> None:
        """Learn that the bridge cannot take more: the archive is to be read once it can."""


class Hearing:
    """The ears of one room."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._around = place.around
        self._scene = Scene(room=place.room, address=place.address)
        self._can_be_read_again = False
        self._topic: str | None = None  # digest of the last one known
        self.replayed_up_to: int | None = None  # what the archive has said, in the room's time
        self.begun = 0  # when the bridge first came into the room: what was said before is not for others
        self._early: list[tuple[Element, int, str]] = []  # of the archive, before anybody knows who is in the room
        self.up_to = ""  # the room's own id of the last message that was passed on, or was ours
        self._told: set[str] = set()  # keys of what the history has told
        self._told_from: int | None = None  # when the first of it was said, in the room's time
        self._told_ours = False
        self._holding = False
        self._held: deque[tuple[Element, str, bool]] = deque()
        self._overflown = False

    @property
    def stable_ids(self) -> bool:
        """Whether the room gives stanza-ids (XEP-0359)."""
        return self._scene.stable_ids

    def know(self, features: frozenset[str]) -> None:
        """Learn what the room announces: without that its ids could be anybody's."""
        place = self._place
        self._can_be_read_again = {ns.MAM, ns.IDS} <= features
        self._scene = Scene(room=place.room, address=place.address, stable_ids=ns.IDS in features)
        place.occupants.occupant_ids = ns.OCCUPANT_ID in features

    def topic_known(self, known: str | None) -> None:
        """Learn by its digest which topic was known last."""
        self._topic = known

    def hear(self, element: Element, nick: str) -> None:
        """Take a groupchat message that came to the reader; ``nick`` is "" when the room itself speaks."""
        fresh = self._place.just_entered()
        if not self._holding and self._can_be_read_again and self._around.congested():
            self.hold()
            self._place.reads_on_later()
        if self._holding and (fresh or not self._place.is_ours(nick)):
            self._hold(element, nick, fresh=fresh)
        else:
            self._hear(element, nick, fresh=fresh)

    def reflected(self, id_: str, stanza: bytes) -> bool:
        """Take the reflection of our own words by its bytes: all that is news in it is what the room calls them.

        False: it may have more to say, because it may be of the room's history, or has its id in an unusual way.
        """
        name = None if self._may_be_history(stanza) else inbound.stanza_id(stanza, self._scene)
        return name is not None and self._confirmed(id_, name)

    def recognised_ours(self, said: Familiar) -> bool:
        """Take the reflection of our own words that looks like one before it; False, as above."""
        name = said.stanza if self._scene.stable_ids else ""
        return not self._may_be_history(said.rest) and self._confirmed(said.id, name)

    def _may_be_history(self, stanza: bytes) -> bool:
        return self._holding or (b"delay" in stanza and self._place.just_entered())

    def _confirmed(self, id_: str, name: str) -> bool:
        self.up_to = name or self.up_to
        self._place.speech.reflected(id_, name)
        return True

    def understood(self, id_: str, nick: str, stanza: bytes) -> bool:
        """Take plain words of somebody who is in the room by their bytes; False: :meth:`hear` has to."""
        author = self._present(nick)
        words = None if author is None else inbound.words(stanza, id_, self._scene)
        return author is not None and words is not None and self._spoken(words, author, nick)

    def recognised(self, said: Familiar) -> bool:
        """Take words of somebody who is in the room that look like others before them; False, as above."""
        author = self._present(said.nick)
        words = None if author is None else inbound.recognised(said, self._scene)
        return author is not None and words is not None and self._spoken(words, author, said.nick)

    def _present(self, nick: str) -> Member | None:
        """Return who speaks, None while words have to wait, or take more to know whose they are."""
        occupant = self._place.occupants.get(nick)
        if occupant is None or occupant.ours or self._holding:
            return None
        return None if self._can_be_read_again and self._around.congested() else occupant.member

    def _spoken(self, words: Words, author: Member, nick: str) -> bool:
        self.up_to = words.names.stanza or self.up_to
        at = self._around.clock.now()
        self._around.emit(inbound.read_words(words, nick, scene=self._scene, sender=author, at=at))
        return True

    def _hear(self, element: Element, nick: str, *, fresh: bool) -> None:
        names = inbound.ids(element, self._scene)
        if not self._holding:  # else it is a reflection, behind others that were not taken
            self.up_to = names.stanza or self.up_to
        if not nick:
            self._remark(element, names, fresh=fresh)
            return
        at = inbound.moment(element, self._place.address) if fresh else None
        if at is not None and not _only_subject(element):
            self._told_from = at if self._told_from is None else min(at, self._told_from)
            self._replay(element, nick, names, at, begun=self.begun)
        elif self._place.is_ours(nick):
            self._reflection(element, names)
        elif _only_subject(element) and fresh:
            self._told_topic(element, nick, names, at)
        else:
            self._news(element, nick, names)

    # -- how far back the history goes

    def enters(self) -> None:
        """Learn that the room is about to tell its history."""
        self._told.clear()
        self._told_from, self._told_ours = None, False

    def history_reaches(self, cursor: Cursor | None) -> bool:
        """Tell whether the history goes back to something that the bridge has: then nothing before it is missing."""
        if self._told_ours or cursor is None:
            return self._told_ours
        return cursor.key in self._told or (self._told_from is not None and self._told_from <= cursor.at)

    # -- holding what the archive has as well

    @property
    def holding(self) -> bool:
        """Whether live messages wait for the archive."""
        return self._holding

    def hold(self) -> None:
        """Let live messages wait from now on."""
        self._holding = True

    def _hold(self, element: Element, nick: str, *, fresh: bool) -> None:
        if len(self._held) < MOST_HELD:
            self._held.append((element, nick, fresh))
        else:
            self._overflown = True  # from here on the archive has it, and order would suffer from what comes later

    def release(self) -> bool:
        """Go on with what was held; False if some of that has to be read in the archive first."""
        if self._overflown:
            self._held.clear()
            self._overflown = False
            return False
        held, self._held = self._held, deque()
        self._holding = False
        for element, nick, fresh in held:
            self._hear(element, nick, fresh=fresh)
        return True

    def forget_held(self) -> None:
        """Let go of what was held: nobody reads the room any more, and whoever will asks the archive."""
        self._held.clear()
        self._holding = self._overflown = False

    def replay(self, element: Element, *, at: int, archived: str) -> None:
        """Take a message out of the archive, which calls it ``archived``.

        The archive is read before the join. Its authors wait for the list of who is there, which shows more of them
        than the archive does: only so is somebody who has stayed the same person as before.
        """
        if self._place.reading is Reading.OURS:
            self._recognise(element, archived)
            return
        self.replayed_up_to = max(at, self.replayed_up_to or 0)
        if self._place.reading is Reading.SINCE and at < self.begun:
            return
        if self._place.open():
            self._replay_archived(element, at, archived)
        else:
            self._early.append((element, at, archived))

    def _recognise(self, element: Element, archived: str) -> None:
        """Take note of our own words in the archive: who is about to say them finds that they are said."""
        if _is_by(self._around.instance, element):
            names = inbound.ids(element, self._scene, archived=archived)
            self._place.speech.reflected(names.attribute, names.stanza)

    def replay_early(self) -> None:
        """Go on with what the archive has told before the join."""
        early, self._early = self._early, []
        for element, at, archived in early:
            self._replay_archived(element, at, archived)

    def _replay_archived(self, element: Element, at: int, archived: str) -> None:
        self.up_to = archived or self.up_to
        room, _, nick = element.get("from", "").partition("/")
        if room != self._place.address or element.get("type") != "groupchat" or _only_subject(element):
            return
        names = inbound.ids(element, self._scene, archived=archived)
        if nick:
            self._replay(element, nick, names, at)
        else:
            self._moderated(element, names, at, replayed=True)

    # -- what occupants say

    def _news(self, element: Element, nick: str, names: Ids) -> None:
        place = self._place
        occupant = place.occupants.get(nick)
        if occupant is None and place.speech.awaits(names.attribute):
            self._reflection(element, names)  # of a ghost that the room does not show
            return
        sender = occupant.member if occupant is not None else self._author(element, nick)
        event = inbound.read(element, scene=self._scene, sender=sender, names=names, at=self._around.clock.now())
        if event is None:
            return
        if isinstance(event, TopicChanged):
            self._remember_topic(element)
        self._around.emit(event)

    def _reflection(self, element: Element, names: Ids) -> None:
        if _only_subject(element):
            self._remember_topic(element)
            if self._place.replaying():
                self._place.replay_over()
            if not self._place.speech.awaits(names.attribute):
                self._place.speech.topic_reflected(element.findtext(SUBJECT) or "", names.stanza)
                return
        self._place.speech.reflected(names.attribute, names.stanza)

    def _replay(self, element: Element, nick: str, names: Ids, at: int, *, begun: int = 0) -> None:
        if _is_by(self._around.instance, element):
            self._told_ours = True
            self._place.speech.reflected(names.attribute, names.stanza)
            return
        if at < begun:
            return
        sender = self._author(element, nick)
        event = inbound.read(element, scene=self._scene, sender=sender, names=names, at=at, replayed=True)
        if event is not None:
            self._told.add(event.origin.key)
            self._around.emit(event)

    def _author(self, element: Element, nick: str) -> Member:
        mark = element.find(inbound.OCCUPANT_ID)
        return self._place.occupants.author(nick, "" if mark is None else mark.get("id", ""))

    # -- what the room itself says

    def _remark(self, element: Element, names: Ids, *, fresh: bool) -> None:
        """Take a subject, a moderation, or news of the configuration; its other remarks are for its own people."""
        if fresh and element.find(SUBJECT) is not None:  # mu-conference adds who has set it
            self._told_topic(element, "", names, inbound.moment(element, self._place.address))
        elif _only_subject(element):
            self._change_topic(element, None, names, self._around.clock.now(), replayed=False)
        elif muc.configuration_changed(element):
            self._place.reconfigured()
        else:
            self._moderated(element, names, self._around.clock.now(), replayed=False)

    def _moderated(self, element: Element, names: Ids, at: int, *, replayed: bool) -> None:
        by = inbound.moderator(element, self._place.address)
        if by is None:
            return
        sender = self._place.occupants.author(by) if by else self._room_itself()
        event = inbound.read(element, scene=self._scene, sender=sender, names=names, at=at, replayed=replayed)
        if event is not None:
            self._around.emit(event)

    def _room_itself(self) -> Member:
        address = self._place.address
        return Member(person=Person(XMPP, PersonId(address)), name=address.partition("@")[0])

    # -- the topic

    def _told_topic(self, element: Element, nick: str, names: Ids, at: int | None) -> None:
        """Take the subject that ends the history."""
        known, told = self._topic, _topic_digest(element)
        if told == known or (known is None and not element.findtext(SUBJECT)):
            self._remember_topic(element)
        else:
            sender = self._author(element, nick) if nick and not self._place.is_ours(nick) else None
            when = self._around.clock.now() if at is None else at
            self._change_topic(element, sender, names, when, replayed=True)
        self._place.replay_over()

    def _change_topic(self, element: Element, sender: Member | None, names: Ids, at: int, *, replayed: bool) -> None:
        event = inbound.topic(element, scene=self._scene, sender=sender, names=names, at=at, replayed=replayed)
        self._around.emit(event)
        self._remember_topic(element)

    def _remember_topic(self, element: Element) -> None:
        told = _topic_digest(element)
        if told != self._topic:
            self._topic = told
            self._around.remember(topic_name(self._place.address), told)


def _is_by(instance: str, element: Element) -> bool:
    """Tell whether a message was last passed on by this bridge."""
    way = marks.read_via(element.find(marks.VIA_TAG))
    return bool(way) and way[-1] == instance


def topic_name(address: str) -> str:
    """Return the name under which the last topic of a room is remembered."""
    return f"topic {digest(address)}"


def _only_subject(element: Element) -> bool:
    """Tell whether a message is a change of subject (XEP-0045 section 8.1): with a body it would be a message."""
    return element.find(SUBJECT) is not None and element.find(BODY) is None


def _topic_digest(element: Element) -> str:
    return digest(element.findtext(SUBJECT) or "")
