"""What administrators see of the running bridge and do to it, put together: the commands that need only the administration."""

from collections.abc import Sequence
from typing import Protocol

from bridge.commands import hooks, links, state
from bridge.commands.hooks import HookDesk
from bridge.core.commands import Offer


class Administered(links.Links, state.State, Protocol):
    """The running bridge: :class:`bridge.administration.Administration`."""

    @property
    def hook_desk(self) -> HookDesk:
        """The hooks of all networks."""


def administering(bridge: Administered) -> Sequence[Offer]:
    """Return the commands with what runs them."""

    def is_linked(room: str) -> bool:
        return any(each.room == room for link in bridge.links() for each in link.rooms)

    return (
        *state.offers(bridge),
        *links.offers(bridge),
        *hooks.offers(bridge.hook_desk, is_linked=is_linked),
    )
