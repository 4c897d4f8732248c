"""``linkspan check``: tries everything that a configuration names, without running the bridge.

The store is looked at and not changed. Each network is asked by its own connector (the ability ``Checks``), all at the
same time. While the bridge runs, the XMPP side is asked there: a second connection for the component's domain would be
refused by some servers, and would take away half of the traffic on others. Called by :mod:`bridge.cli`.
"""

import asyncio
import os
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from bridge import app, config
from bridge.config import Config, StoreSettings
from bridge.connector import Checks, Connector, Finding, Opens
from bridge.core.ids import XMPP, Network, RoomId
from bridge.engine.clock import SystemClock
from bridge.engine.ports import StoreError
from bridge.storage import database, keyfile, schema, sealing
from bridge.web.client import AdminClient, AdminError
from bridge.web.ports import StatusDocument

PATIENCE: Final = 45.0
"""Seconds after which a network that does not come to an end has failed; one that says nothing at all fails far earlier."""
_HANGING: Final = 3.0
"""Seconds after which a bridge that runs, and says nothing, is taken for none."""


async def check(configured: Config) -> list[Finding]:
    """Return one finding for the store, and one for each network and each linked room.

    Raises: ConfigError for settings that a connector refuses.
    """
    connectors = app.build(configured, list(app.networks_of(configured)), SystemClock())
    looks = [
        _xmpp(connector, configured) if network == XMPP else _network(network, connector, configured)
        for network, connector in connectors.items()
    ]
    store, *found = await asyncio.gather(_look_at_store(configured.store), *looks)
    return [
        *store,
        *_media(configured, [each for network, each in connectors.items() if network != XMPP]),
        *(finding for each in found for finding in each),
    ]


def _media(configured: Config, connectors: Iterable[Connector]) -> list[Finding]:
    """Say where files are found that only their network can open; nothing where there are none."""
    if not any(isinstance(each, Opens) for each in connectors):
        return []
    detail = f"files have URLs under {configured.public_url}/media/"
    if not configured.http.public_url:
        detail += ", which only this machine can open: set http.public_url"
    return [Finding("media", ok=True, detail=detail)]


async def _look_at_store(store: StoreSettings) -> Sequence[Finding]:
    return [await asyncio.to_thread(_store, store)]


def _store(store: StoreSettings) -> Finding:
    try:
        url = database.parse(store.url)
        path = database.path_of(url)
        if path is not None and not path.exists():
            return _new_store(path)
        revision = database.current(store.url)
        keys = keyfile.place(url, store.key_file)
        secrets = database.look(store.url, partial(sealing.wrong, path=keys)) if revision == database.head() else []
    except StoreError as error:
        return Finding("store", ok=False, detail=str(error), hint="look at store.url in the configuration")
    if secrets:
        return Finding("store", ok=False, detail="; ".join(secrets), hint="docs/operators/upgrade.md says more of keys")
    if revision is None:
        return Finding("store", ok=True, detail="empty: run makes its tables")
    if revision == database.head():
        return Finding("store", ok=True, detail=f"revision {revision}")
    if revision in schema.revisions():
        return Finding("store", ok=True, detail=f"revision {revision}: run brings it to {database.head()}")
    return Finding(
        "store",
        ok=False,
        detail=f"revision {revision} is newer than this program, which knows up to {database.head()}",
        hint="install the newer program again, or restore a copy of the store",
    )


def _new_store(path: Path) -> Finding:
    if not path.parent.is_dir():
        missing = f"there is no directory {path.parent} for {path.name}"
        return Finding("store", ok=False, detail=missing, hint="make it, or change store.url")
    if os.access(path.parent, os.W_OK | os.X_OK):
        return Finding("store", ok=True, detail=f"{path} does not exist yet: run makes it")
    return Finding(
        "store",
        ok=False,
        detail=f"{path} does not exist, and this user cannot make it",
        hint="give its folder to the user that runs the bridge, or change store.url",
    )


def _running(configured: Config) -> StatusDocument | None:
    """Return the status of the bridge that runs with this configuration, None if none does."""
    host, port = config.address(configured.http.admin_listen) or ("", 0)
    try:
        return AdminClient(host=host, port=port, token=configured.admin_token, patience=_HANGING).status()
    except AdminError:
        return None


async def _xmpp(connector: Connector, configured: Config) -> Sequence[Finding]:
    running = await asyncio.to_thread(_running, configured)
    return await (_as_seen_by(running, XMPP) if running else _network(XMPP, connector, configured))


async def _as_seen_by(running: StatusDocument, network: Network) -> list[Finding]:
    network_found = [
        Finding(
            each.name,
            ok=each.status in ("ready", "degraded"),
            detail=f"{each.detail or each.status} (the bridge is running)",
            hint="its log says more",
        )
        for each in running.networks
        if each.name == network
    ]
    rooms_found = [
        Finding(
            room.room,
            ok=room.open,
            detail=f"{room.reason or 'joined'} (the bridge is running)",
            hint="its log says more",
        )
        for link in running.links
        for room in link.rooms
        if room.room.startswith(f"{network}:")
    ]
    return network_found + rooms_found


async def _network(network: Network, connector: Connector, configured: Config) -> Sequence[Finding]:
    if not isinstance(connector, Checks):
        return [Finding(network, ok=True, detail="nothing to try")]
    rooms: list[RoomId] = [room.id for link in configured.links for room in link.rooms if room.network == network]
    try:
        async with asyncio.timeout(PATIENCE):
            return await connector.check(rooms)
    except TimeoutError:
        return [Finding(network, ok=False, detail=f"no answer within {PATIENCE:.0f} s", hint="is its address right?")]
