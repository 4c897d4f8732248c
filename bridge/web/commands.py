"""The commands of the bridge over HTTP: listed, called by name with values, or called by the words of a line.

Whoever has the token is an administrator and no user: a command that is about somebody's own things is told whose, ``user``. What
commands are and do is in :mod:`bridge.core.dialogue`. Called by :mod:`bridge.web.admin`.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web

from bridge.core import lines
from bridge.core.commands import OPERATOR, Answer, Command, Field, Offer, Place, Why, told
from bridge.core.dialogue import Commands, Stuck, follow_line, pass_through, usage
from bridge.core.wording import quoted
from bridge.web import openapi
from bridge.web.answers import Handler, as_json, body_of, object_of
from bridge.web.openapi import Operation
from bridge.web.ports import AnswerDocument, CommandDocument, FieldDocument, FieldProblem, Refused, Said, TableDocument

STATUS: Final = {
    Why.WRONG: HTTPStatus.BAD_REQUEST,
    Why.MISSING: HTTPStatus.NOT_FOUND,
    Why.CONFLICT: HTTPStatus.CONFLICT,
    Why.AWAY: HTTPStatus.SERVICE_UNAVAILABLE,
    Why.FORBIDDEN: HTTPStatus.FORBIDDEN,
}
_HERE: Final = Place()


class CommandRoutes:
    """What an administrator has the bridge do."""

    def __init__(self, commands: Commands) -> None:
        self._commands = commands

    def operations(self) -> tuple[tuple[Operation, Handler], ...]:
        """Return each operation with what answers it."""
        return (
            (openapi.LIST_COMMANDS, self._list),
            (openapi.CALL_COMMAND, self._call),
            (openapi.SAY_COMMAND, self._say),
        )

    def operated(self, operation: Operation) -> Handler:
        """Return what answers an operation that is a command under a path of its own."""

        async def answer(request: web.Request) -> web.Response:
            sent = await object_of(request) if operation.body is not None else {}
            asked = {key: value for key, value in request.query.items() if key in operation.query}
            done = await self.call(operation.command, {**asked, **sent, **request.match_info})
            if operation.status == HTTPStatus.NO_CONTENT:
                return web.Response(status=HTTPStatus.NO_CONTENT)
            return as_json(done.data, status=operation.status)

        return answer

    async def call(self, name: str, given: Mapping[str, object]) -> Answer:
        """Do what a command does, with these values. Raises: Refused."""
        offer = self._commands.find(name, _HERE)
        if offer is None:
            words = lines.separate(name.replace("-", " ").split())
            raise self._unknown(words)
        return _done(await pass_through(self._commands.first(offer, _HERE, OPERATOR), given))

    def described(self) -> list[tuple[Command, Sequence[Field]]]:
        """Return every command with the fields that it has here."""
        return [
            (offer.command, self._commands.first(offer, _HERE, OPERATOR).fields)
            for offer in self._commands.at(_HERE, OPERATOR)
        ]

    async def _list(self, _request: web.Request) -> web.Response:
        return as_json([self._described(offer) for offer in self._commands.at(_HERE, OPERATOR)])

    async def _call(self, request: web.Request) -> web.Response:
        given = await object_of(request)
        return as_json(_document(await self.call(request.match_info["name"], given)))

    async def _say(self, request: web.Request) -> web.Response:
        words = lines.separate((await body_of(request, Said)).words)
        called = self._commands.called(words, _HERE)
        if called is None:
            raise self._unknown(words)
        offer, rest = called
        form = self._commands.first(offer, _HERE, OPERATOR)
        stuck_or_done = await follow_line(form, rest)
        if isinstance(stuck_or_done, Stuck) and stuck_or_done.why is Why.WRONG:
            reason = f"{stuck_or_done}\nusage: {usage(offer.command.name, stuck_or_done.form.fields)}"
            raise Refused(reason, status=HTTPStatus.BAD_REQUEST, errors=_errors(stuck_or_done))
        return as_json(_document(_done(stuck_or_done)))

    def _unknown(self, words: Sequence[lines.Word]) -> Refused:
        names = " ".join(word.text for word in words[:2])
        meant = self._commands.meant(words, _HERE, OPERATOR) or f"There is no command {quoted(names)}"
        return Refused(meant, status=HTTPStatus.NOT_FOUND)

    def _described(self, offer: Offer) -> CommandDocument:
        command = offer.command
        form = self._commands.first(offer, _HERE, OPERATOR)
        return CommandDocument(
            name=command.name,
            path=f"/api/v1/commands/{command.slug}",
            title=command.title,
            help=command.help,
            usage=usage(command.name, form.fields, more=command.more),
            who=command.who.name.lower(),
            about=command.about.name.lower(),
            more=command.more,
            fields=tuple(map(_field, form.fields)),
        )


def _field(field: Field) -> FieldDocument:
    return FieldDocument(
        name=field.name,
        label=field.label,
        sort=field.sort.value,
        required=field.required,
        default=field.default,
        description=field.description,
        choices=tuple(field.choices),
    )


def _done(done: Answer | Stuck) -> Answer:
    """Return an answer that has something to tell. Raises: Refused for one that is only a refusal."""
    if isinstance(done, Stuck):
        raise Refused(str(done), status=STATUS[done.why], errors=_errors(done))
    if done.why is not None and done.data is None:
        raise Refused(done.text, status=STATUS[done.why])
    return done


def _errors(stuck: Stuck) -> tuple[FieldProblem, ...]:
    return tuple(FieldProblem(field=each.field, detail=each.reason) for each in stuck.wrong)


def _document(answer: Answer) -> AnswerDocument:
    table = answer.table
    data: Any = answer.data
    return AnswerDocument(
        text=told(answer),
        done=answer.why is None,
        remark=answer.remark,
        table=None if table is None else TableDocument(columns=table.columns, rows=table.rows),
        data=data,
    )
