"""The admin API described for programs: OpenAPI 3.1, its schemas made from the very structs that are served.

Called by :mod:`bridge.web.admin`, which also holds the routes; a test compares the two.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from bridge.core.commands import Command, Field, Sort
from bridge.web.ports import (
    AnswerDocument,
    Chosen,
    CommandDocument,
    DeadLetterDocument,
    DeliveryDocument,
    Done,
    HookCallDocument,
    HookDocument,
    HookUrlDocument,
    LinkDocument,
    LoginDocument,
    NewHook,
    NewLink,
    NewSecret,
    OptOutDocument,
    Paused,
    ProblemDocument,
    Replayed,
    Said,
    SaidDocument,
    StatusDocument,
)


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the API does."""

    method: str
    path: str
    summary: str
    command: str = ""  # what it does is this command, with path, query and body as values
    status: int = 200
    body: Any = None  # type of what is sent
    result: Any = None  # type of what comes back
    query: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    open: bool = False  # needs no token


STATUS = Operation(
    method="get", path="/api/v1/status", command="status", summary="Networks, links and queues", result=StatusDocument
)
LIST_LINKS = Operation(
    method="get", path="/api/v1/links", command="links list", summary="All links", result=list[LinkDocument]
)
ADD_LINK = Operation(
    method="post",
    path="/api/v1/links",
    command="links add",
    summary="Join rooms, from now on and after restarts",
    status=201,
    body=NewLink,
    result=LinkDocument,
    problems=(400, 409),
)
REMOVE_LINK = Operation(
    method="delete",
    path="/api/v1/links/{name}",
    command="links remove",
    summary="Take back a link that was made by command",
    status=204,
    problems=(404, 409),
)
LIST_LOGINS = Operation(
    method="get",
    path="/api/v1/logins",
    command="logins list",
    summary="All users' logins, oldest first",
    result=list[LoginDocument],
)
REMOVE_LOGIN = Operation(
    method="delete",
    path="/api/v1/logins/{network}/{user}",
    command="logins remove",
    summary="Forget a user's login",
    status=204,
    problems=(404, 409),
)
LIST_OPT_OUTS = Operation(
    method="get",
    path="/api/v1/optouts",
    command="optouts list",
    summary="Who wants nothing more from us (STOP); with ?history=true every change of mind, oldest first",
    result=list[OptOutDocument],
    query=("history",),
)
LIST_DELIVERIES = Operation(
    method="get",
    path="/api/v1/deliveries",
    command="deliveries list",
    summary="Deliveries that are not confirmed, or all of one message: of what ROOM calls MESSAGE",
    result=list[DeliveryDocument],
    query=("limit", "room", "message"),
    problems=(400, 404),
)
LIST_DEAD_LETTERS = Operation(
    method="get",
    path="/api/v1/deadletters",
    command="deadletters list",
    summary="Deliveries that were given up, oldest first",
    result=list[DeadLetterDocument],
    query=("limit",),
    problems=(400,),
)
RETRY_DEAD_LETTERS = Operation(
    method="post",
    path="/api/v1/deadletters/retry",
    command="deadletters retry",
    summary="Try them again",
    body=Chosen,
    result=Done,
    problems=(400,),
)
DISCARD_DEAD_LETTERS = Operation(
    method="post",
    path="/api/v1/deadletters/discard",
    command="deadletters discard",
    summary="Delete them",
    body=Chosen,
    result=Done,
    problems=(400,),
)
LIST_HOOKS = Operation(
    method="get", path="/api/v1/hooks", command="hooks list", summary="All hooks", result=list[HookDocument]
)
CREATE_HOOK = Operation(
    method="post",
    path="/api/v1/hooks",
    command="hooks create",
    summary="Make a hook; its URL is shown this once",
    status=201,
    body=NewHook,
    result=HookUrlDocument,
    problems=(400, 409, 503),
)
REVOKE_HOOK = Operation(
    method="delete",
    path="/api/v1/hooks/{hook}",
    command="hooks revoke",
    summary="Take a hook back for good: whoever calls it is told so",
    status=204,
    problems=(404, 409, 503),
)
ROTATE_HOOK = Operation(
    method="post",
    path="/api/v1/hooks/{hook}/rotate",
    command="hooks rotate",
    summary="Give a hook another secret; its URL is shown this once",
    body=NewSecret,
    result=HookUrlDocument,
    problems=(400, 404, 409, 503),
)
PAUSE_HOOK = Operation(
    method="post",
    path="/api/v1/hooks/{hook}/pause",
    command="hooks pause",
    summary="Let a hook take what comes and say nothing, or speak again",
    status=204,
    body=Paused,
    problems=(400, 404, 409, 503),
)
TEST_HOOK = Operation(
    method="post",
    path="/api/v1/hooks/{hook}/test",
    command="hooks test",
    summary="Let a hook say something",
    result=SaidDocument,
    problems=(404, 409, 503),
)
LIST_HOOK_CALLS = Operation(
    method="get",
    path="/api/v1/hooks/{hook}/calls",
    command="hooks calls",
    summary="What was sent to a hook lately, newest first",
    result=list[HookCallDocument],
    problems=(404, 409, 503),
)
REPLAY_HOOK = Operation(
    method="post",
    path="/api/v1/hooks/{hook}/replay",
    command="hooks replay",
    summary="Read once more what was sent, and say it as something new",
    body=Replayed,
    result=SaidDocument,
    problems=(400, 404, 409, 503),
)
LIST_COMMANDS = Operation(
    method="get", path="/api/v1/commands", summary="All commands, with their fields", result=list[CommandDocument]
)
SAY_COMMAND = Operation(
    method="post",
    path="/api/v1/commands",
    summary="Do what the words of a line say",
    body=Said,
    result=AnswerDocument,
    problems=(400, 404, 409, 503),
)
CALL_COMMAND = Operation(
    method="post",
    path="/api/v1/commands/{name}",
    summary="Do what a command does, with a value for each of its fields",
    body=dict[str, Any],
    result=AnswerDocument,
    problems=(400, 404, 409, 503),
)
DESCRIPTION = Operation(method="get", path="/api/v1/openapi.json", summary="This description", result=dict, open=True)

OPERATIONS = (
    STATUS,
    LIST_LINKS,
    ADD_LINK,
    REMOVE_LINK,
    LIST_LOGINS,
    REMOVE_LOGIN,
    LIST_OPT_OUTS,
    LIST_DELIVERIES,
    LIST_DEAD_LETTERS,
    RETRY_DEAD_LETTERS,
    DISCARD_DEAD_LETTERS,
    LIST_HOOKS,
    CREATE_HOOK,
    REVOKE_HOOK,
    ROTATE_HOOK,
    PAUSE_HOOK,
    TEST_HOOK,
    LIST_HOOK_CALLS,
    REPLAY_HOOK,
    LIST_COMMANDS,
    SAY_COMMAND,
    CALL_COMMAND,
    DESCRIPTION,
)


def description(
    operations: Iterable[Operation], *, commands: Iterable[tuple[Command, Sequence[Field]]] = (), version: str
) -> dict[str, Any]:
    """Return the OpenAPI document of these operations, and of each command under its name, with the fields that it has here."""
    listed = tuple(operations)
    called = [(command, fields, _operation(command)) for command, fields in commands]
    types = [kind for each in listed for kind in (each.body, each.result) if kind is not None]
    types += [command.result for command, _, _ in called if command.result is not None]
    schemas, components = msgspec.json.schema_components(
        [*types, ProblemDocument], ref_template="#/components/schemas/{name}"
    )
    by_type = dict(zip(map(repr, [*types, ProblemDocument]), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for each in listed:
        paths.setdefault(each.path, {})[each.method] = _described(each, by_type)
    for command, fields, operation in called:
        paths[operation.path] = {"post": _of_command(command, fields, _described(operation, by_type), by_type)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Linkspan administration", "version": version, "license": {"name": "MIT"}},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _described(operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"description": operation.summary}
    if operation.result is not None:
        result["content"] = {"application/json": {"schema": schemas[repr(operation.result)]}}
    problem = {"application/problem+json": {"schema": schemas[repr(ProblemDocument)]}}
    failures = operation.problems if operation.open else (*operation.problems, 401)
    described: dict[str, Any] = {
        "operationId": f"{operation.method}_{operation.path.removeprefix('/api/v1/')}".translate(_TO_NAME),
        "summary": operation.summary,
        "parameters": [*_in_path(operation.path), *map(_in_query, operation.query)],
        "responses": {
            str(operation.status): result,
            **{str(status): {"description": "Refused", "content": problem} for status in sorted(failures)},
        },
    }
    if operation.body is not None:
        content = {"application/json": {"schema": schemas[repr(operation.body)]}}
        described["requestBody"] = {"required": True, "content": content}
    if operation.open:
        described["security"] = []
    return described


def _operation(command: Command) -> Operation:
    return Operation(
        method="post",
        path=f"/api/v1/commands/{command.slug}",
        summary=command.title,
        result=AnswerDocument,
        problems=(400, 404, 409, 503),
    )


def _of_command(
    command: Command, fields: Sequence[Field], described: dict[str, Any], schemas: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a command's operation: what it takes is made from its fields, what it answers from its document."""
    body: dict[str, Any] = {
        "type": "object",
        "properties": {field.name: _schema(field) for field in fields},
        "additionalProperties": command.more,
    }
    required = [field.name for field in fields if field.required]
    body |= {"required": required} if required else {}
    described["requestBody"] = {"required": bool(required), "content": {"application/json": {"schema": body}}}
    if command.help:
        described["description"] = command.help
    if command.result is not None:
        answer = {"allOf": [schemas[repr(AnswerDocument)], {"properties": {"data": schemas[repr(command.result)]}}]}
        described["responses"]["200"]["content"] = {"application/json": {"schema": answer}}
    return described


def _schema(field: Field) -> dict[str, Any]:
    """Return what a field takes as JSON; text is taken for everything, as it comes from a line."""
    words = ". ".join(part for part in (field.label, field.description) if part)
    schema: dict[str, Any] = {"description": words, **_KINDS.get(field.sort, {"type": "string"})}
    if field.choices:
        schema["enum"] = list(field.choices)
    if field.default:
        schema["default"] = field.default
    low, high = ("minItems", "maxItems") if schema["type"] == "array" else ("minimum", "maximum")
    bounds = {low: field.least, high: field.most}
    return schema | {name: bound for name, bound in bounds.items() if bound is not None}


_KINDS: Mapping[Sort, Mapping[str, Any]] = {
    Sort.NUMBER: {"type": "integer"},
    Sort.FLAG: {"type": "boolean"},
    Sort.LIST: {"type": "array", "items": {"type": "string"}},
    Sort.JIDS: {"type": "array", "items": {"type": "string"}},
    Sort.TABLE: {"type": "object"},
}
_TO_NAME = str.maketrans({"/": "_", "{": None, "}": None, ".": "_", "-": "_"})


def _in_path(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _in_query(name: str) -> dict[str, Any]:
    if name != "limit":
        return {"name": name, "in": "query", "schema": {"type": "string"}}
    return {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}}
