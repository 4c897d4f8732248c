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
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NoReturn

from bridge import __version__, config, listing, orders, registry, starter
from bridge.config import Config, ConfigError, UnknownConnector
from bridge.core.capabilities import Capabilities
from bridge.core.commands import Command as Definition
from bridge.core.wording import counted
from bridge.engine.ports import StoreError
from bridge.identd import CannotIdentify
from bridge.web.client import AdminClient, AdminError
from bridge.web.ports import AnswerDocument, CannotListen

DONE: Final = 0
FAILED: Final = 1
WRONG: Final = 2

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
    orders.add_to(commands, _order)
    _add_do(commands)
    _add_db(commands)
    _add_import(commands)
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
    rotate.set_defaults(json=False)


def _add_import(commands: Any) -> None:
    group = commands.add_parser("import", help="take over from another program, while the bridge does not run")
    sources = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    words = "take over archives, users' settings and accounts from the database of a biboumi; it is only read"
    taken = _command(sources, "biboumi", _import_biboumi, words)
    taken.add_argument("database", metavar="DB", help="the path of biboumi's SQLite file, or its postgresql:// URL")
    taken.add_argument(
        "--network",
        metavar="SERVER=NAME",
        action="append",
        default=[],
        help="which configured network a server of biboumi's is; default: the one with that host, else an open one",
    )
    _json_option(taken)


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


def _order(commands: Any, name: str, command: Definition, words: str) -> argparse.ArgumentParser:
    return _command(commands, name, partial(_have_done, command), words)


def _have_done(command: Definition, args: argparse.Namespace) -> int:
    """Have the running bridge do something, and print what came of it."""
    try:
        answer = _client(args).call(command.name, orders.given(command, args))
    except AdminError as error:
        if error.errors:
            msg = orders.complaint(command, error.errors)
            raise CommandError(msg, status=WRONG if error.wrong else FAILED) from None
        raise
    return _print(args, answer)


def _print(args: argparse.Namespace, answer: AnswerDocument) -> int:
    if args.json:
        print(listing.as_json(answer.data if answer.data is not None else {"text": answer.text}))
    else:
        print(answer.text)
    _complain(answer.remark)
    return DONE if answer.done else FAILED


def _do(args: argparse.Namespace) -> int:
    client = _client(args)
    if not args.words:
        listed = client.commands()
        print(listing.as_json(listed) if args.json else listing.commands(listed))
        return DONE
    return _print(args, client.say(args.words))


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
    from bridge.storage import database, sealing  # noqa: PLC0415 - as above

    store = _config(args).store
    try:
        done, lost = sealing.rotate(store.url, store.key_file, drop_old=args.drop_old)
    except database.InUse:  # by the running bridge, mostly, which can do it itself
        return _print(args, _client(args).call("keys rotate", {"drop_old": args.drop_old}))
    print(f"{counted(done, 'secret is', 'secrets are')} encrypted with a new key")
    if lost:
        which = counted(lost, "secret opens", "secrets open")
        _complain(f"{which} with no key of the key file, and nothing is changed there: restore it from a copy")
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


def _import_biboumi(args: argparse.Namespace) -> int:
    from bridge import biboumi  # noqa: PLC0415 - as above

    given = {}
    for text in args.network:
        server, separator, network = text.partition("=")
        if not (server and separator and network):
            msg = f"--network: found {text!r}, expected SERVER=NAME"
            raise CommandError(msg, status=WRONG)
        given[server] = network
    try:
        outcome = asyncio.run(biboumi.take_over(_config(args), args.database, given))
    except ValueError as error:
        raise CommandError(f"--network {error}", status=WRONG) from None
    if args.json:
        print(listing.as_json(outcome))
    else:
        print(
            f"took over {counted(outcome.messages, 'message')} of {counted(outcome.rooms, 'room')}, "
            f"{counted(outcome.stays, 'wish', 'wishes')} to stay in a room, {counted(outcome.settings, 'user')} with settings "
            f"and {counted(outcome.logins, 'account')}"
        )
        _complain("\n".join(outcome.remarks))
    return DONE


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
