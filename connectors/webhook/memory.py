"""Values that the hub keeps as small texts, read back. One that another version of this program wrote costs only itself.

Called by whatever of this connector outlives a restart.
"""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from bridge.connector import Hub

log = logging.getLogger(__name__)

T = TypeVar("T")


async def recollected(
    hub: Hub, prefix: str, kind: type[T], *, dec_hook: Callable[[type, Any], Any] | None = None
) -> dict[str, T]:
    """Return what is kept under names that begin so, each under the rest of its name; what cannot be read is left out."""
    found: dict[str, T] = {}
    for name, value in (await hub.recollect(prefix)).items():
        try:
            found[name.removeprefix(prefix)] = msgspec.json.decode(value, type=kind, dec_hook=dec_hook)
        except (msgspec.DecodeError, ValueError):
            log.error("webhook.unreadable name=%s: another version may have written it; it is left as it is", name)
    return found
