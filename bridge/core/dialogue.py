"""The way through a command: which are offered where and to whom, the first form, what was given, the next, the answer.

One engine for every door. A door has a :class:`Place` and a :class:`Caller`, finds an :class:`Offer`, and goes on either step by
step (:func:`proceed`: a form that is shown), at once (:func:`pass_through`: everything was given), or word by word
(:func:`follow_line`). No door decides who may do what, what a value may be, or what is missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

import msgspec

from bridge.core import lines
from bridge.core.commands import (
    About,
    Answer,
    Call,
    Caller,
    CommandRefused,
    Field,
    Form,
    Offer,
    Place,
    Sort,
    Step,
    Values,
    Who,
    Why,
)
from bridge.core.fields import Wrong, fill, strangers
from bridge.core.ids import Network
from bridge.core.wording import did_you_mean, nearest, quoted

NETWORK: Final = "network"
ROOM: Final = "room"
USER: Final = "user"


class Around(Protocol):
    """What commands can be about."""

    def networks(self) -> Sequence[Network]:
        """Return the networks that there are."""

    def room(self, text: str, network: Network | None) -> Place | None:
        """Return the hosted room that is meant, by its address or by its name on a network; None if there is none such."""

    def bars(self, user: str, network: Network) -> str:
        """Return why somebody may use nothing of a network, "" if they may."""


class Stuck(msgspec.Struct, frozen=True, kw_only=True):
    """A form that was not filled in rightly, with what is wrong at which field."""

    form: Form
    wrong: tuple[Wrong, ...]
    given: Mapping[str, object]
    why: Why = Why.WRONG

    @property
    def is_incomplete(self) -> bool:
        """Nothing is wrong but that something is missing."""
        return all(each.missing for each in self.wrong)

    def __str__(self) -> str:
        """Say it, a line for each."""
        return "\n".join(map(str, self.wrong))


class Commands:
    """All commands that are offered."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._offers: tuple[Offer, ...] = ()

    def offer(self, offers: Iterable[Offer]) -> None:
        """Offer these, and no others, from now on."""
        self._offers = tuple(sorted(offers, key=lambda offer: offer.command.name))
        names = [offer.command.name for offer in self._offers]
        assert len(set(names)) == len(names), "two commands have the same name"

    def all(self) -> Sequence[Offer]:
        """Return everything that is offered anywhere to anybody."""
        return self._offers

    def at(self, place: Place, caller: Caller) -> list[Offer]:
        """Return what somebody may do at a place, by name."""
        return [offer for offer in self._offers if may(offer, caller) and self._is_offered(offer, place)]

    def find(self, name: str, place: Place) -> Offer | None:
        """Return what is meant by a name, in one word or several, or by a node; whoever calls may have no right to it."""
        wanted = " ".join(name.casefold().split())
        for offer in self._offers:
            command = offer.command
            meant = wanted in {command.name, command.slug} or (command.node and name == command.node)
            if meant and self._is_offered(offer, place):
                return offer
        return None

    def called(self, words: Sequence[lines.Word], place: Place) -> tuple[Offer, Sequence[lines.Word]] | None:
        """Return what the first words of a line name, and the words that are left."""
        for length in (3, 2, 1):
            name = " ".join(word.text for word in words[:length])
            offer = self.find(name, place) if len(words) >= length else None
            if offer is not None:
                return offer, words[length:]
        return None

    def meant(self, words: Sequence[lines.Word], place: Place, caller: Caller) -> str:
        """Return a sentence for a line that names no command: what was probably meant, "" where nobody knows."""
        names = [offer.command.name for offer in self.at(place, caller)]
        said, second = (*(word.text for word in words[:2]), "", "")[:2]
        group = {name.partition(" ")[2]: name for name in names if name.split()[0] == said.casefold()}
        if group:
            guess = group.get(nearest(second, group), "")
            end = did_you_mean(guess, tuple(group.values()))
            return (
                f"There is no command {quoted(f'{said} {second}')}; {end}" if guess else f"{quoted(said)} what? {end}"
            )
        guess = nearest(f"{said} {second}", names) or nearest(said, names)
        return f"There is no command {quoted(said)}; {did_you_mean(guess, ())}" if guess else ""

    def first(self, offer: Offer, place: Place, caller: Caller) -> Form:
        """Return the first form of a command: with what the place does not say already."""
        command = offer.command
        return Form(
            title=command.title,
            instructions=command.help,
            fields=(*self._scope(offer, place, caller), *command.fields),
            then=partial(self._begin, offer, place, caller),
            more=command.more,
            form_type=command.form_type,
        )

    def _is_offered(self, offer: Offer, place: Place) -> bool:
        about = offer.command.about
        if place.room:
            return about is About.ROOM and offer.on(place)
        if place.network is not None:
            return about is About.ROOM or (about is About.NETWORK and offer.on(place))
        return about is not About.NETWORK or bool(self._able(offer))

    def _able(self, offer: Offer) -> list[Network]:
        return [network for network in self._around.networks() if offer.on(Place(network=network))]

    def _scope(self, offer: Offer, place: Place, caller: Caller) -> list[Field]:
        command = offer.command
        fields: list[Field] = []
        if command.about is About.NETWORK and place.network is None:
            able = {str(network): str(network) for network in self._able(offer)}
            fields.append(Field(name=NETWORK, label="Network", sort=Sort.CHOICE, choices=able))
        if command.about is About.ROOM and not place.room:
            fields.append(Field(name=ROOM, label="Room", description="The room's address, or its name"))
        if command.personal and not caller.user:
            fields.append(Field(name=USER, label="User", sort=Sort.JID, description="Whose: a bare JID"))
        return fields

    async def _begin(self, offer: Offer, place: Place, caller: Caller, values: Values) -> Step:
        about = offer.command.about
        if about is About.ROOM and not place.room:
            place = self._room(values.text(ROOM), place)
        elif about is About.NETWORK and place.network is None:
            place = Place(network=Network(values.text(NETWORK)))
        if about is not About.BRIDGE:
            self._check(offer, place, caller)
        call = Call(
            caller=caller,
            network=place.network or Network(""),
            room=place.room,
            user=(caller.user or values.text(USER)) if offer.command.personal else "",
        )
        return await offer.run(call, values)

    def _check(self, offer: Offer, place: Place, caller: Caller) -> None:
        """Look whether this can be done there, by them. Raises: CommandRefused."""
        if not offer.on(place):
            msg = f"{offer.command.name} cannot be done there"
            raise CommandRefused(msg)
        if place.network is None or not caller.user or caller.who is Who.ADMIN:
            return
        if why := self._around.bars(caller.user, place.network):
            raise CommandRefused(why, why=Why.FORBIDDEN)

    def _room(self, text: str, place: Place) -> Place:
        found = self._around.room(text, place.network)
        if found is None:
            msg = f"found {quoted(text)}, expected the address of a room that the bridge can host"
            raise CommandRefused(msg, why=Why.WRONG, field=ROOM)
        return found


def may(offer: Offer, caller: Caller) -> bool:
    """Tell whether somebody has the right to a command."""
    return caller.who >= offer.command.who and bool(
        not offer.command.personal or caller.user or caller.who is Who.ADMIN
    )


async def proceed(form: Form, given: Mapping[str, object]) -> Step | Stuck:
    """Take what was given for one form, and return what follows."""
    filled = fill(form.fields, given)
    if filled.wrong:
        return Stuck(form=form, wrong=filled.wrong, given=given)
    try:
        return await form.then(Values(filled.values))
    except CommandRefused as refused:
        if not refused.field:
            return Answer(text=refused.reason, why=refused.why)
        return Stuck(form=form, wrong=(Wrong(refused.field, refused.reason),), given=given, why=refused.why)


async def pass_through(form: Form, given: Mapping[str, object]) -> Answer | Stuck:
    """Take what was given for all forms of a command together."""
    while True:
        unknown = () if form.more else strangers(form.fields, given)
        if unknown:
            return Stuck(form=form, wrong=unknown, given=given)
        step = await proceed(form, given)
        if not isinstance(step, Form):
            return step
        names = {field.name for field in form.fields}
        given = {name: value for name, value in given.items() if name not in names}
        form = step


async def follow_line(form: Form, words: Sequence[lines.Word]) -> Answer | Stuck:
    """Take the words of a line for all forms of a command."""
    left = list(words)
    while True:
        assigned = lines.assign(form.fields, left, more=form.more)
        left = list(assigned.rest)
        if left and not form.more:
            return Stuck(form=form, wrong=(_too_much(form, left[0]),), given=assigned.given)
        step = await proceed(form, assigned.given)
        if not isinstance(step, Form):
            return step
        if not left and step.fields and not any(field.required for field in step.fields):
            return Answer(text=outline(step))  # to give nothing is to ask what there is
        form = step


def _too_much(form: Form, word: lines.Word) -> Wrong:
    names = [field.name for field in form.fields]
    name, equals, _ = word.text.partition("=")
    if equals and (guess := nearest(name, names)):
        return Wrong("", f"{quoted(name)} is not known here: {did_you_mean(guess, names)}")
    takes = ", ".join(names) if names else "nothing"
    return Wrong("", f"found {quoted(word.text)}, which is too much: it takes {takes}")


def usage(name: str, fields: Iterable[Field], *, more: bool = False) -> str:
    """Return how a line with a command is written: ``links add NAME ROOMS…``; ``more`` has to be given than these fields."""
    return " ".join([name, *map(_written, fields), *(["…"] if more else [])])


def outline(form: Form) -> str:
    """Return what a form asks for, a line for each field."""
    return "\n".join(
        part for part in (form.instructions, *(f"  {field.name}: {about(field)}" for field in form.fields)) if part
    )


def about(field: Field) -> str:
    """Return what there is to say of a field."""
    parts = [field.label, field.description]
    parts.append(f"one of {', '.join(field.choices)}" if field.choices else "")
    if not field.required:
        parts.append(f"default: {field.default}" if field.default else "may be left out")
    if field.value and field.sort is not Sort.SECRET and not field.hidden:
        parts.append(f"now: {field.value.replace(chr(10), ', ')}")
    return "; ".join(part for part in parts if part)


def _written(field: Field) -> str:
    several = "…" if field.sort in {Sort.LIST, Sort.JIDS} else ""
    value = {Sort.FLAG: "yes", Sort.TABLE: "KEY=VALUE"}.get(field.sort, field.name.upper())
    by_name = field.named or field.sort in {Sort.FLAG, Sort.TABLE}
    word = f"{field.name}={value}" if by_name else f"{value}{several}"
    return word if field.required else f"[{word}]"
