"""The command line: parses it, calls what does the work, prints, and makes every foreseen failure one line and a status.

Exit status: 0 done, 1 failed at run time, 2 wrong usage or configuration. What the commands do is elsewhere: ``run`` in
:mod:`bridge.app`, ``check`` in :mod:`bridge.checkup`, ``init`` in :mod:`bridge.starter`, ``db`` in
:mod:`bridge.storage`, administration in the running bridge, asked through :mod:`bridge.web.client`. Heavy modules are
imported by the command that needs them, so that ``linkspan status`` answers at once.
"""

import argparse
import asyncio
import os
import signal
import sys
import tomllib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NoReturn

from bridge import __version__, config, listing, registry, starter
from bridge.config import Config, ConfigError, UnknownConnector
from bridge.core.capabilities import Capabilities
from bridge.engine.ports import StoreError
from bridge.identd import CannotIdentify
from bridge.settings import seconds
from bridge.web.client import AdminClient, AdminError
from bridge.web.ports import (
    CannotListen,
    Chosen,
    HookUrlDocument,
    NewHook,
    NewLink,
    NewSecret,
    Paused,
    Replayed,
)

DONE: Final = 0
FAILED: Final = 1
WRONG: Final = 2

_WHICH_HOOK: Final = "its id, or NETWORK:ID"

Command = Callable[[argparse.Namespace], int]


class CommandError(Exception):
    """A command cannot go on; its text is one or more lines for an operator."""

    def __init__(self, text: str, *, status: int = FAILED) -> None:
        super().__init__(text)
        self.status = status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    _open_standard_streams()
    args = _parser().parse_args(arguments)
    command: Command = args.command
    try:
        status = command(args)
        sys.stdout.flush()
    except ConfigError as error:
        _complain(str(error))
        return WRONG
    except CommandError as error:
        _complain(str(error))
        return error.status
    except AdminError as error:
        _complain(str(error))
        return WRONG if error.wrong else FAILED
    except (CannotListen, CannotIdentify, StoreError) as error:
        _complain(str(error))
        return FAILED
    except BrokenPipeError:  # "linkspan status | head": nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return FAILED
    return status


def _open_standard_streams() -> None:
    """Give a process that was started without some of them (``>&-``) all three: a socket must never be number 1."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
            setattr(sys, name, open(number, "r" if number == 0 else "w", closefd=False))  # noqa: SIM115 - stays for good


class _Parser(argparse.ArgumentParser):
    """Complains in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG, f"{self.prog}: {message}; see {self.prog} --help\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="linkspan", description="A bridge between chat networks: XMPP rooms linked with others.")
    _config_option(parser, argparse.SUPPRESS, default=None)  # "linkspan --config FILE COMMAND" works as well
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_set_up(commands)
    _add_running(commands)
    _add_links(commands)
    _add_hooks(commands)
    _add_logins(commands)
    _add_opt_outs(commands)
    _add_deliveries(commands)
    _add_dead_letters(commands)
    _add_do(commands)
    _add_db(commands)
    return parser


def _command(commands: Any, name: str, command: Command, words: str, *, reads: bool = True) -> argparse.ArgumentParser:
    """Add a command; one that reads no configuration takes ``--config`` all the same, for scripts that always give it."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=words, description=words)
    parser.set_defaults(command=command)
    places = "default: ./config.toml, else $LINKSPAN_CONFIG, else /etc/linkspan/config.toml"
    _config_option(parser, places if reads else argparse.SUPPRESS, default=argparse.SUPPRESS)
    return parser


def _config_option(parser: argparse.ArgumentParser, words: str, *, default: str | None) -> None:
    parser.add_argument("--config", metavar="FILE", help=words, default=default)


def _json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_set_up(commands: Any) -> None:
    init = commands.add_parser("init", help="write a first config.toml, and print what the XMPP server needs")
    init.set_defaults(command=_init)
    init.add_argument("folder", nargs="?", default=".", metavar="DIR", help="where to write it; default: here")
    init.add_argument("--domain", default="bridge.example.org", help="the component's domain")
    _json_option(_command(commands, "check", _check, "try the configuration without running: store, networks, rooms"))
    listed = "list installed connectors and what they can carry"
    _json_option(_command(commands, "connectors", _connectors, listed, reads=False))
    versions = "versions of the program and of its main libraries"
    _json_option(_command(commands, "version", _version, versions, reads=False))


def _add_running(commands: Any) -> None:
    _command(commands, "run", _run, "run until SIGTERM or SIGINT; SIGHUP re-reads the configuration")
    shown = "start Prosody, InspIRCd and a bridge, and show a conversation"
    demo = _command(commands, "demo", _demo, shown, reads=False)
    demo.add_argument("--keep", action="store_true", help="stay up afterwards, to join in with clients of your own")
    _json_option(_command(commands, "status", _status, "networks, links, puppets and queues of the running bridge"))


def _add_links(commands: Any) -> None:
    group = commands.add_parser("links", help="list, add and remove links of the running bridge")
    links = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _json_option(_command(links, "list", _links_list, "list all links"))
    add = _command(links, "add", _links_add, "join rooms, from now on and after restarts")
    add.add_argument("name", metavar="NAME")
    add.add_argument("rooms", metavar="NETWORK:ROOM", nargs="+")
    _json_option(add)
    remove = _command(links, "remove", _links_remove, "take back a link that was added")
    remove.add_argument("name", metavar="NAME")


def _add_opt_outs(commands: Any) -> None:
    group = commands.add_parser("optouts", help="list who wants nothing more from us (STOP)")
    outs = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listed = _command(outs, "list", _opt_outs_list, "list them, oldest first")
    listed.add_argument("--history", action="store_true", help="every change of mind, for an audit")
    _json_option(listed)


def _add_logins(commands: Any) -> None:
    group = commands.add_parser("logins", help="list and remove users' logins on networks")
    logins = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _json_option(_command(logins, "list", _logins_list, "list them, oldest first; what they consist of is not shown"))
    remove = _command(logins, "remove", _logins_remove, "forget a login: its user is relayed again")
    remove.add_argument("network", metavar="NETWORK")
    remove.add_argument("user", metavar="USER", help="the user's bare JID")


def _add_hooks(commands: Any) -> None:
    group = commands.add_parser("hooks", help="make, list and take back URLs at which programs say something in a room")
    hooks = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _json_option(_command(hooks, "list", _hooks_list, "list all hooks"))
    create = _command(hooks, "create", _hooks_create, "make a hook, and print its URL this once")
    create.add_argument("room", metavar="NETWORK:ROOM")
    create.add_argument("--name", help="who speaks, where a message does not say so")
    create.add_argument("--avatar", metavar="URL", help="their picture")
    create.add_argument("--format", help="what is sent: github, alertmanager …; default: recognised by itself")
    create.add_argument("--expires-in", metavar="TIME", default="0", help="how long it is good: 30d; default: for ever")
    create.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="any key that a hook may have")
    _json_option(create)
    rotate = _command(hooks, "rotate", _hooks_rotate, "give a hook another secret, and print its URL this once")
    rotate.add_argument(
        "--overlap", metavar="TIME", default="24h", help="how long the old URL is good, too; default: 24h"
    )
    for name, command, words in (
        ("pause", _hooks_pause, "let a hook take what comes and say nothing"),
        ("resume", _hooks_resume, "let a hook speak again"),
        ("revoke", _hooks_revoke, "take a hook back for good"),
        ("test", _hooks_test, "let a hook say something"),
        ("calls", _hooks_calls, "list what was sent to a hook lately"),
        ("replay", _hooks_replay, "read once more what was sent, and say it as something new"),
    ):
        parser = _command(hooks, name, command, words)
        parser.add_argument("hook", metavar="HOOK", help=_WHICH_HOOK)
        if name in {"test", "calls", "replay"}:
            _json_option(parser)
    rotate.add_argument("hook", metavar="HOOK", help=_WHICH_HOOK)
    _json_option(rotate)
    parser.add_argument("call", metavar="CALL", help='as listed by "hooks calls"')


def _add_deliveries(commands: Any) -> None:
    group = commands.add_parser("deliveries", help="list what is not delivered yet, or what became of one message")
    deliveries = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listed = _command(deliveries, "list", _deliveries_list, "list what waits, is under way or failed")
    _json_option(listed)
    listed.add_argument(
        "--message",
        nargs=2,
        metavar=("NETWORK:ROOM", "ID"),
        help="one message instead, by what a room calls it: its copies in all other rooms",
    )


def _add_dead_letters(commands: Any) -> None:
    group = commands.add_parser("deadletters", help="list, retry and discard deliveries that were given up")
    letters = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _json_option(_command(letters, "list", _dead_letters_list, "list them, oldest first"))
    for name, command, words in (
        ("retry", _dead_letters_retry, "try them again"),
        ("discard", _dead_letters_discard, "delete them"),
    ):
        parser = _command(letters, name, command, words)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("keys", metavar="KEY", nargs="*", default=[], help="as listed")
        which.add_argument("--all", action="store_true", help="every one")
        _json_option(parser)


def _add_do(commands: Any) -> None:
    words = "have the running bridge do something: any command that it has, as in a chat with it; without words: which there are"
    do = _command(commands, "do", _do, words)
    do.add_argument(
        "words",
        metavar="WORD",
        nargs="*",
        help='the command, and its values in order or as KEY=VALUE; "--" before one with a dash',
    )
    _json_option(do)


def _add_db(commands: Any) -> None:
    group = commands.add_parser("db", help="the store's schema")
    db = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _command(db, "upgrade", _db_upgrade, "bring the store to this program's schema; run does it too")
    _json_option(_command(db, "current", _db_current, "print the store's revision"))
    _json_option(_command(db, "check", _db_check, "compare the store with this program's schema, and try its keys"))
    rotate = _command(
        db, "rotate-key", _db_rotate_key, "make a new key for the secrets in the store, and encrypt all with it"
    )
    rotate.add_argument("--drop-old", action="store_true", help="remove the keys before from the key file")


# set-up


def _init(args: argparse.Namespace) -> int:
    folder = Path(args.folder)
    if not config.is_domain(args.domain):
        msg = f'--domain: found "{args.domain}", expected a domain name such as "bridge.example.org"'
        raise CommandError(msg, status=WRONG)
    secret = starter.fresh_secret()
    try:
        path = starter.write(folder, domain=args.domain, secret=secret)
    except FileExistsError:
        if folder.exists() and not folder.is_dir():
            msg = f"{folder} is not a folder"
            raise CommandError(msg) from None
        msg = f"{folder / 'config.toml'} exists already, and is left as it is"
        raise CommandError(msg) from None
    except OSError as error:
        msg = f"{folder / 'config.toml'} cannot be written: {(error.strerror or str(error)).lower()}"
        raise CommandError(msg) from None
    print(f"Wrote {path}. Tell your XMPP server about the component:\n")
    print(starter.snippets(domain=args.domain, secret=secret))
    print(f"Then: linkspan check --config {path}")
    return DONE


def _check(args: argparse.Namespace) -> int:
    from bridge import checkup  # noqa: PLC0415 - brings slixmpp and SQLAlchemy

    found = asyncio.run(checkup.check(_config(args)))
    print(listing.as_json(found) if args.json else listing.findings(found))
    return DONE if all(each.ok for each in found) else FAILED


def _connectors(args: argparse.Namespace) -> int:
    found = [
        listing.ConnectorDocument(
            kind=each.kind,
            title=each.title,
            package=each.package,
            version=each.version,
            trouble=each.trouble,
            capabilities=None if each.trouble else _capabilities(each.kind),
        )
        for each in registry.installed().values()
    ]
    print(listing.as_json(found) if args.json else listing.connectors(found))
    return DONE


def _capabilities(kind: str) -> Capabilities | None:
    """Return what a connector can carry, None where what it needs is not installed."""
    with suppress(UnknownConnector):
        return registry.capabilities_of(kind)
    return None


def _version(args: argparse.Namespace) -> int:
    versions = {"linkspan": __version__, "python": sys.version.split()[0]}
    for name in ("slixmpp", "SQLAlchemy", "alembic", "aiohttp", "msgspec", "irc", "psycopg", "uvloop"):
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    rows = (f"{name:<11} {version}" for name, version in versions.items())
    print(listing.as_json(versions) if args.json else "\n".join(rows))
    return DONE


# the running bridge


def _leave_early(*_: object) -> NoReturn:
    sys.exit(DONE)


def _run(args: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, _leave_early)  # until the loop takes signals: importing takes a second
    from bridge import app  # noqa: PLC0415 - brings everything

    return app.run(config.find(args.config))


def _demo(args: argparse.Namespace) -> int:
    from bridge.demo.play import play  # noqa: PLC0415 - only wanted here

    return asyncio.run(play(print, keep=args.keep))


def _status(args: argparse.Namespace) -> int:
    status = _client(args).status()
    print(listing.as_json(status) if args.json else listing.status(status))
    return DONE


def _links_list(args: argparse.Namespace) -> int:
    links = _client(args).links()
    print(listing.as_json(links) if args.json else listing.links(links))
    return DONE


def _links_add(args: argparse.Namespace) -> int:
    link = _client(args).add_link(NewLink(name=args.name, rooms=tuple(args.rooms)))
    print(listing.as_json(link) if args.json else f"linked {' and '.join(room.room for room in link.rooms)}")
    return DONE


def _links_remove(args: argparse.Namespace) -> int:
    _client(args).remove_link(args.name)
    print(f"removed {args.name}")
    return DONE


def _opt_outs_list(args: argparse.Namespace) -> int:
    found = _client(args).opt_outs(history=args.history)
    print(listing.as_json(found) if args.json else listing.opt_outs(found))
    return DONE


def _logins_list(args: argparse.Namespace) -> int:
    logins = _client(args).logins()
    print(listing.as_json(logins) if args.json else listing.logins(logins))
    return DONE


def _logins_remove(args: argparse.Namespace) -> int:
    _client(args).remove_login(args.network, args.user)
    print(f"forgot the login of {args.user} on {args.network}")
    return DONE


def _hooks_list(args: argparse.Namespace) -> int:
    hooks = _client(args).hooks()
    print(listing.as_json(hooks) if args.json else listing.hooks(hooks))
    return DONE


def _hooks_create(args: argparse.Namespace) -> int:
    settings: dict[str, Any] = {}
    for key in ("name", "avatar", "format"):
        if (value := getattr(args, key)) is not None:
            settings[key] = value
    for text in args.set:
        _put(settings, text)
    hook = NewHook(room=args.room, expires_in=_time("--expires-in", args.expires_in), settings=settings)
    client = _client(args)
    status = _print_url(args, client.create_hook(hook))
    if not any(room.room == args.room for link in client.links() for room in link.rooms):
        _complain(f"{args.room} is in no link yet: until it is, nobody hears what is sent there")
    return status


def _hooks_rotate(args: argparse.Namespace) -> int:
    order = NewSecret(overlap=_time("--overlap", args.overlap))
    return _print_url(args, _client(args).rotate_hook(args.hook, order))


def _print_url(args: argparse.Namespace, made: HookUrlDocument) -> int:
    print(listing.as_json(made) if args.json else made.url)
    return DONE


def _put(settings: dict[str, Any], text: str) -> None:
    """Put ``authentication.scheme=github`` into a table; the value is TOML, or else text as it stands."""
    path, equals, value = text.partition("=")
    *tables, key = path.strip().split(".")
    if not equals or not key:
        msg = f'--set: found "{text}", expected KEY=VALUE'
        raise CommandError(msg, status=WRONG)
    for name in tables:
        inner = settings.setdefault(name, {})
        if not isinstance(inner, dict):
            msg = f'--set: found "{text}", but {name} has a value already'
            raise CommandError(msg, status=WRONG)
        settings = inner
    try:
        settings[key] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        settings[key] = value


def _time(option: str, text: str) -> float:
    """Return ``30d`` or ``90`` as seconds."""
    length = float(text) if text.isascii() and text.isdigit() else seconds(text)
    if length < 0:
        msg = f'{option}: found "{text}", expected a time such as "90", "10m", "24h" or "30d"'
        raise CommandError(msg, status=WRONG)
    return length


def _hooks_pause(args: argparse.Namespace) -> int:
    _client(args).pause_hook(args.hook, Paused(paused=True))
    print(f"{args.hook} is paused: what comes is kept, and not said")
    return DONE


def _hooks_resume(args: argparse.Namespace) -> int:
    _client(args).pause_hook(args.hook, Paused(paused=False))
    print(f"{args.hook} speaks again")
    return DONE


def _hooks_revoke(args: argparse.Namespace) -> int:
    _client(args).revoke_hook(args.hook)
    print(f"{args.hook} is taken back: whoever calls it is told that it is gone")
    return DONE


def _hooks_test(args: argparse.Namespace) -> int:
    said = _client(args).test_hook(args.hook)
    print(listing.as_json(said) if args.json else f"said as {said.id}")
    return DONE


def _hooks_calls(args: argparse.Namespace) -> int:
    calls = _client(args).hook_calls(args.hook)
    print(listing.as_json(calls) if args.json else listing.hook_calls(calls))
    return DONE


def _hooks_replay(args: argparse.Namespace) -> int:
    said = _client(args).replay_hook(args.hook, Replayed(call=args.call))
    print(listing.as_json(said) if args.json else f"said as {said.id}")
    return DONE


def _deliveries_list(args: argparse.Namespace) -> int:
    found = _client(args).deliveries(*(args.message or ()))
    print(listing.as_json(found) if args.json else listing.deliveries(found))
    return DONE


def _dead_letters_list(args: argparse.Namespace) -> int:
    letters = _client(args).dead_letters()
    print(listing.as_json(letters) if args.json else listing.dead_letters(letters))
    return DONE


def _dead_letters_retry(args: argparse.Namespace) -> int:
    return _print_done(args, _client(args).retry(_chosen(args)), "put back into the outbox")


def _dead_letters_discard(args: argparse.Namespace) -> int:
    return _print_done(args, _client(args).discard(_chosen(args)), "discarded")


def _print_done(args: argparse.Namespace, count: int, what: str) -> int:
    print(listing.as_json({"count": count}) if args.json else f"{count} {what}")
    if args.all or count == len(set(args.keys)):
        return DONE
    keys = set(args.keys)
    several = f"{len(keys) - count} of these keys name no dead letter"
    msg = several if len(keys) > 1 else f'there is no dead letter "{args.keys[0]}"'
    raise CommandError(msg)


def _chosen(args: argparse.Namespace) -> Chosen:
    return Chosen(all=True) if args.all else Chosen(keys=tuple(args.keys))


def _do(args: argparse.Namespace) -> int:
    client = _client(args)
    if not args.words:
        listed = client.commands()
        print(listing.as_json(listed) if args.json else listing.commands(listed))
        return DONE
    answer = client.say(args.words)
    print(listing.as_json(answer) if args.json else answer.text)
    return DONE if answer.done else FAILED


# the store


def _db_upgrade(args: argparse.Namespace) -> int:
    from bridge.storage import database  # noqa: PLC0415 - brings SQLAlchemy

    database.upgrade(_config(args).store.url)
    print(f"the store has revision {database.head()}")
    return DONE


def _db_current(args: argparse.Namespace) -> int:
    from bridge.storage import database  # noqa: PLC0415 - as above

    revision = database.current(_config(args).store.url)
    document = {"current": revision, "head": database.head()}
    print(listing.as_json(document) if args.json else revision or "none: the store is empty")
    return DONE


def _db_rotate_key(args: argparse.Namespace) -> int:
    from bridge.storage import sealing  # noqa: PLC0415 - as above

    store = _config(args).store
    done, lost = sealing.rotate(store.url, store.key_file, drop_old=args.drop_old)
    print(f"{done} secrets are encrypted with a new key")
    if lost:
        _complain(
            f"{lost} secrets do not open with any key of the key file, and stay as they are: restore it from a copy"
        )
    return FAILED if lost else DONE


def _db_check(args: argparse.Namespace) -> int:
    from bridge.storage import database, keyfile, sealing  # noqa: PLC0415 - as above

    store = _config(args).store
    path = keyfile.place(database.parse(store.url), store.key_file)
    wrong = database.check(store.url) or database.look(store.url, partial(sealing.wrong, path=path))
    if args.json:
        print(listing.as_json({"ok": not wrong, "problems": wrong}))
    elif not wrong:
        print(f"the store is whole and has revision {database.head()}")
    _complain("\n".join(wrong))
    return FAILED if wrong else DONE


# shared


def _config(args: argparse.Namespace) -> Config:
    return config.load(config.find(args.config), registry.settings_of)


def _client(args: argparse.Namespace) -> AdminClient:
    read = _config(args)
    host, port = config.address(read.http.admin_listen) or ("", 0)
    return AdminClient(host=host, port=port, token=read.admin_token)


def _complain(text: str) -> None:
    for line in text.splitlines():
        print(line, file=sys.stderr)
