"""Deliveries to calls: who speaks is written in bold, text is cut to Telegram's limits, styles become entities.

Pure. Not here: reading files (:mod:`connectors.telegram.uploads`), how fast (:mod:`connectors.telegram.pace`), and what
Telegram says to it (:mod:`connectors.telegram.refusals`).
"""

from collections.abc import Sequence
from typing import assert_never

from msgspec.structs import replace

from bridge.core.capabilities import Limit, Unit
from bridge.core.content import Attachment, Content, Kind, Reply, Span, Style
from bridge.core.degrade import described, named
from bridge.core.deliveries import (
    Announce,
    AsBridge,
    AsMask,
    AsPuppet,
    AsRelay,
    Delivery,
    Edit,
    Kick,
    Post,
    React,
    Retract,
    SetTopic,
    Tell,
    Voice,
)
from bridge.core.failures import Permanent
from bridge.core.ids import MessageId, Network, Person, PersonId, RoomId
from bridge.core.spans import BLOCKS, prefixed, tidy
from bridge.core.splitting import clip, cut, length
from bridge.core.text import clean_name
from connectors.telegram.calls import Call, Expel, Remove, Rewrite, Say, SetReaction, Show
from connectors.telegram.capabilities import ALBUM, CAPTION, TEXT
from connectors.telegram.entities import legal, linked, to_entities
from connectors.telegram.reactions import Reactions, offered
from connectors.telegram.rooms import Place, Rooms, Spot
from connectors.telegram.updates import Entity
from connectors.telegram.uploads import fit_together, presumed

_NAME = Limit(80, Unit.CODE_POINTS)
_QUOTED = Limit(120, Unit.CODE_POINTS)
_NOBODY = PersonId("")


class Writer:
    """Turns deliveries into calls, with what has to be known for it."""

    def __init__(self, network: Network, *, rooms: Rooms, largest: int) -> None:
        self._network = network
        self._rooms = rooms
        self._largest = largest  # bytes of a file that is sent
        self._reactions = Reactions()

    def calls(self, delivery: Delivery, *, named: bool = True) -> list[Call]:
        """Return what to ask of Telegram, in order; ``named``: the sender's name is written. Raises: Permanent."""
        room = delivery.head.room.id
        place = self._rooms.place(room)
        if place is None:
            msg = f"{room} is no room of Telegram: expected the number of a chat, such as -1001234567890"
            raise Permanent(msg)
        voice = delivery.head.voice
        match delivery:
            case Post(content=content, reply=reply, thread=thread):
                there = self._rooms.in_thread(place, thread)
                return self._post(there, room, _voiced(_quoting(content, reply), voice, named=named), reply)
            case Tell(content=content):
                return self._post(place, room, _voiced(content, voice, named=named), None)
            case Edit(content=content, ids=ids):
                return self._edit(place, room, _voiced(content, voice, named=named), ids)
            case Retract(ids=ids, target=target):
                return self._remove(room, ids, own=target.room != delivery.head.room)
            case React(ids=ids, reactions=reactions):
                return self._react(room, ids, voice, reactions)
            case SetTopic(topic=topic):
                said = Content(text=f"changed the topic to “{clean_name(topic)}”", kind=Kind.ACTION)
                return self._post(place, room, _voiced(said, voice, named=True), None)
            case Announce(text=text):
                return self._post(place, room, Content(text=text), None)
            case Kick(person=person, ban=ban):
                return [Expel(chat=place.chat, user=_number(person), ban=ban)]
            case _:
                assert_never(delivery)

    # -- new messages

    def _post(self, place: Place, room: RoomId, content: Content, reply: Reply | None) -> list[Call]:
        answers = self._answered(room, place, reply)
        shown, told = self._sorted(content.attachments)
        words = replace(content, attachments=())
        if told:
            lines = "\n".join(map(_line, told))
            words = replace(words, text=f"{words.text}\n{lines}" if words.text else lines)
        if not shown:
            return list(self._says(place, words, answers))
        calls: list[Call] = []
        caption = words
        if length(words.text, Unit.UTF16) > CAPTION.size:
            calls += self._says(place, words, answers)
            caption, answers = Content(text=""), 0
        for batch in _batches(shown):
            calls.append(self._show(place, batch, caption, answers))
            caption, answers = Content(text=""), 0
        return calls

    def _show(self, place: Place, files: Sequence[Attachment], caption: Content, answers: int) -> Show:
        text, entities = self._written(caption)
        lines = list(map(_line, files))
        instead = [
            replace(caption, text=f"{caption.text}\n{lines[0]}" if caption.text else lines[0]),
            *(Content(text=line) for line in lines[1:]),
        ]
        return Show(
            place=place,
            files=tuple(files),
            caption=text,
            entities=entities,
            otherwise=tuple(tuple(self._says(place, each, answers)) for each in instead),
            answers=answers,
        )

    def _sorted(self, files: Sequence[Attachment]) -> tuple[list[Attachment], list[Attachment]]:
        """Tell files that can be sent from those that are told: encrypted links and the like, and what is too large."""
        shown: list[Attachment] = []
        told: list[Attachment] = []
        for file in files:
            can = bool(file.handle) or file.url.startswith(("https://", "http://"))
            (shown if can and (file.size or 0) <= self._largest else told).append(file)
        return shown, told

    def _says(self, place: Place, content: Content, answers: int) -> list[Say]:
        parts = self._parts(content)
        written = [self._written(part) for part in parts]
        return [
            Say(place=place, text=text, entities=entities, answers=0 if at else answers)
            for at, (text, entities) in enumerate(written)
        ]

    def _parts(self, content: Content) -> list[Content]:
        """Cut a content to the limit; a part of blanks alone is no message."""
        parts = cut(linked(legal(content)), limit=TEXT)
        kept = [part for part in parts if part.text.strip()]
        if not kept:
            msg = "Telegram takes no empty messages"
            raise Permanent(msg)
        return kept

    def _written(self, content: Content) -> tuple[str, tuple[Entity, ...]]:
        return to_entities(linked(legal(content)), network=self._network)

    def _answered(self, room: RoomId, place: Place, reply: Reply | None) -> int:
        """Return which message is answered; one from before the group moved can only be quoted."""
        if reply is None or not reply.ids:
            return 0
        spot = self._rooms.spot(room, reply.ids[0])
        return spot.number if spot is not None and spot.chat == place.chat else 0

    # -- earlier messages

    def _edit(self, place: Place, room: RoomId, content: Content, ids: Sequence[MessageId]) -> list[Call]:
        """Correct part by part; parts too many are deleted, and what is more than before is said anew."""
        spots = self._spots(room, ids)
        if not content.text:
            content = replace(content, text="\n".join(map(_line, content.attachments)))
        written = [self._written(part) for part in self._parts(replace(content, attachments=()))]
        calls: list[Call] = [
            Rewrite(spot=spot, place=place, text=text, entities=entities, anew=at > 0)
            for at, (spot, (text, entities)) in enumerate(zip(spots, written, strict=False))
        ]
        rest = spots[len(written) :]
        if rest:
            calls.append(Remove(chat=rest[0].chat, numbers=tuple(spot.number for spot in rest), own=True))
        calls += [Say(place=place, text=text, entities=entities) for text, entities in written[len(spots) :]]
        return calls

    def _remove(self, room: RoomId, ids: Sequence[MessageId], *, own: bool) -> list[Call]:
        spots = self._spots(room, ids)
        return [Remove(chat=spots[0].chat, numbers=tuple(spot.number for spot in spots), own=own)]

    def _react(self, room: RoomId, ids: Sequence[MessageId], voice: Voice, reactions: Sequence[str]) -> list[Call]:
        spot = self._spots(room, ids)[0]
        if isinstance(voice, AsPuppet):  # a bot of their own has a reaction of its own
            return [SetReaction(spot=spot, emoji=next(filter(None, map(offered, reactions)), ""))]
        person = _speaker(voice) or Person(self._network, _NOBODY)
        return [SetReaction(spot=spot, emoji=self._reactions.change(spot, person, reactions))]

    def _spots(self, room: RoomId, ids: Sequence[MessageId]) -> list[Spot]:
        spots = [spot for message in ids if (spot := self._rooms.spot(room, message)) is not None]
        if not spots:
            msg = "the message that this is about is not on Telegram"
            raise Permanent(msg)
        return spots


def _speaker(voice: Voice) -> Person | None:
    match voice:
        case AsRelay(member=member) | AsMask(member=member) | AsPuppet(member=member):
            return member.person
        case AsBridge():
            return None
        case _:
            assert_never(voice)


def _voiced(content: Content, voice: Voice, *, named: bool) -> Content:
    """Write who speaks in front, in bold."""
    match voice:
        case AsPuppet():
            return _as_oneself(content)
        case AsRelay(member=member) | AsMask(member=member):
            name = clip(clean_name(member.name).strip(), limit=_NAME, ellipsis="…") or "somebody"
        case AsBridge():
            return replace(content, kind=Kind.TEXT)
        case _:
            assert_never(voice)
    if content.kind is Kind.ACTION:
        return _after_name(replace(content, kind=Kind.TEXT), f"* {name}", " ")
    content = replace(content, kind=Kind.TEXT)
    if not named:
        return content
    block = any(span.start == 0 and span.style in BLOCKS for span in content.spans)
    return _after_name(content, name, ":\n" if block else ": " if content.text else "")


def _as_oneself(content: Content) -> Content:
    """Say it under one's own name, which Telegram shows; an action is told by its slant."""
    if content.kind is not Kind.ACTION:
        return replace(content, kind=Kind.TEXT)
    slanted = (Span(0, len(content.text), Style.ITALIC), *content.spans) if content.text else ()
    return replace(content, kind=Kind.TEXT, spans=tidy(slanted, len(content.text)))


def _after_name(content: Content, name: str, between: str) -> Content:
    bold = Span(0, len(name), Style.BOLD)
    content = prefixed(content, f"{name}{between}")
    return replace(content, spans=tidy((bold, *content.spans), len(content.text)))


def _quoting(content: Content, reply: Reply | None) -> Content:
    """Quote what is answered where it is not there to be answered."""
    if reply is None or reply.ids or not reply.excerpt:
        return content
    words = clip(" ".join(reply.excerpt.split()), limit=_QUOTED, ellipsis="…")
    quoted = f"{clean_name(reply.name)}: {words}" if reply.name else words
    content = prefixed(content, f"{quoted}\n")
    return replace(content, spans=tidy((Span(0, len(quoted), Style.QUOTE), *content.spans), len(content.text)))


def _number(person: Person) -> int:
    """Return the id of somebody on Telegram. Raises: Permanent."""
    if not person.id.removeprefix("-").isdecimal():
        msg = "this is nobody on Telegram"
        raise Permanent(msg)
    return int(person.id)


def _batches(files: Sequence[Attachment]) -> list[list[Attachment]]:
    """Put what follows each other and can be one album into albums."""
    batches: list[list[Attachment]] = []
    for file in files:
        if batches and len(batches[-1]) < ALBUM and fit_together([presumed(one) for one in (*batches[-1], file)]):
            batches[-1].append(file)
        else:
            batches.append([file])
    return batches


def _line(file: Attachment) -> str:
    """Return a file in words, with its address where it has one."""
    return described(file) if file.url else named(file)
