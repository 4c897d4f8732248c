"""One HTTP listener: an address, what is served there, and a clear sentence when it cannot be had.

What is served is given from outside (:mod:`bridge.web.admin`, :mod:`bridge.web.public`). Built by :mod:`bridge.app`.
"""

from typing import Final

from aiohttp import web

from bridge.core.wording import not_listening
from bridge.web.ports import CannotListen

_GRACE: Final = 1.0
"""Seconds that requests under way get when a listener stops."""


class Listener:
    """An address where an application is served."""

    def __init__(self, *, key: str, host: str, port: int, application: web.Application | web.Server) -> None:
        self._key = key  # "http.admin_listen"
        self._host = host
        self._port = port
        self._runner: web.BaseRunner = (
            web.ServerRunner(application, shutdown_timeout=_GRACE)
            if isinstance(application, web.Server)
            else web.AppRunner(application, access_log=None, shutdown_timeout=_GRACE)
        )

    async def start(self) -> None:
        """Listen. Raises: CannotListen."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise CannotListen(not_listening(self._key, self._host, self._port, error)) from None

    @property
    def port(self) -> int:
        """The port that is listened on: the configured one, or the one that was free if that is 0."""
        addresses = self._runner.addresses
        return int(addresses[0][1]) if addresses else self._port

    async def stop(self) -> None:
        """Listen no more; what is under way is finished, for a second at most."""
        await self._runner.cleanup()
