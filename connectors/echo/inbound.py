"""Lines of the network to events of the bridge: pure, and thus tested by tables.

What matters in every connector: the key of an event is the same however often it is told, what our own accounts do is
no event, and texts are cleaned where they come in. Called by :mod:`connectors.echo.connector` for each line.
"""

from bridge.core.content import Content
from bridge.core.events import (
    Cause,
    DirectPosted,
    Event,
    Member,
    MemberJoined,
    MemberLeft,
    MemberRenamed,
    MessageEdited,
    MessagePosted,
    MessageRetracted,
    Origin,
    Presence,
    PuppetLeft,
    ReactionsChanged,
    Show,
    TopicChanged,
    TypingChanged,
)
from bridge.core.ids import EventKey, MessageId, Network, Person, PersonId, Room, RoomId
from bridge.core.text import clean, clean_name
from connectors.echo.network import Account, Line, Verb

_NOTHING = Content(text="")


class Reader:
    """Reads lines as one bridge; ``own`` is the name of its connection."""

    def __init__(self, network: Network, own: str) -> None:
        self._network = network
        self._own = own

    def member(self, account: Account, *, mask: str = "") -> Member:
        """Return an account as a member of a room; accounts of other bridges are stand-ins."""
        return Member(
            person=Person(self._network, PersonId(account.id)),
            name=clean_name(mask or account.name),
            stand_in=account.owner not in ("", self._own),
            presence=Presence(Show.AWAY, clean_name(account.away)) if account.away else Presence(),
        )

    def is_own(self, account: Account) -> bool:
        """Tell whether an account was made by this bridge."""
        return account.owner == self._own

    def event(self, line: Line, *, whom: Person | None = None, replayed: bool = False) -> Event | None:
        """Return what a line tells, None if it is our own doing; ``whom`` is the person behind our account that it hit."""
        origin = self.origin(line, replayed=replayed)
        if whom is not None:
            return self._befell(line, origin, whom)
        if self.is_own(line.by) and line.verb is not Verb.KICKED:
            return None  # but whom we threw out is out, whoever did it
        sender = self.member(line.by, mask=line.mask)
        match line.verb:
            case Verb.SAID | Verb.EDITED | Verb.RETRACTED | Verb.REACTED:
                return _about_a_message(line, origin, sender)
            case Verb.TOPIC:
                return TopicChanged(origin=origin, topic=clean_name(line.text), sender=sender)
            case Verb.TYPING:
                return TypingChanged(origin=origin, sender=sender, active=line.active)
            case Verb.JOINED:
                return MemberJoined(origin=origin, member=sender)
            case Verb.LEFT:
                return MemberLeft(origin=origin, member=sender, reason=clean_name(line.text))
            case Verb.KICKED if line.whom is not None:
                return MemberLeft(
                    origin=origin,
                    member=self.member(line.whom),
                    cause=Cause.BANNED if line.banned else Cause.KICKED,
                    reason=clean_name(line.text),
                    actor=sender.name,
                )
            case Verb.RENAMED if line.whom is not None:
                return MemberRenamed(origin=origin, old=self.member(line.whom), member=sender)
            case _:
                return None

    def _befell(self, line: Line, origin: Origin, whom: Person) -> Event | None:
        """Return what happened to somebody whose stand-in is ours."""
        match line.verb:
            case Verb.KICKED:
                return PuppetLeft(
                    origin=origin,
                    person=whom,
                    cause=Cause.BANNED if line.banned else Cause.KICKED,
                    reason=clean_name(line.text),
                    actor=clean_name(line.by.name),
                    final=True,  # whoever was thrown out does not come back by itself
                )
            case Verb.WHISPERED:
                return DirectPosted(
                    origin=origin,
                    sender=self.member(line.by),
                    to=whom,
                    id=MessageId(line.id),
                    content=_read(line.content),
                )
            case _:
                return None

    def origin(self, line: Line, *, replayed: bool = False) -> Origin:
        """Return where and when; the number of a line is what makes it the same line."""
        return Origin(
            room=Room(self._network, RoomId(line.room)),
            key=EventKey(line.id),
            at=line.at,
            replayed=replayed,
            via=line.via,
        )


def _read(content: Content | None) -> Content:
    """Return what a line says without what nobody can carry on; offsets into a text that had to be changed are lost."""
    if content is None:
        return _NOTHING
    text = clean(content.text)
    return content if text == content.text else Content(text=text, kind=content.kind)


def _about_a_message(line: Line, origin: Origin, sender: Member) -> Event:
    target = MessageId(line.target)
    content = _read(line.content)
    match line.verb:
        case Verb.EDITED:
            return MessageEdited(origin=origin, sender=sender, target=target, content=content)
        case Verb.RETRACTED:
            return MessageRetracted(origin=origin, sender=sender, target=target)
        case Verb.REACTED:
            return ReactionsChanged(origin=origin, sender=sender, target=target, reactions=line.reactions)
        case _:
            return MessagePosted(
                origin=origin, sender=sender, id=MessageId(line.id), content=content, reply_to=target or None
            )
