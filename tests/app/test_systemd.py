"""What systemd is told, on a socket of our own."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.systemd import Notify


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind(str(tmp_path / "notify"))
        ours.settimeout(5)
        yield ours


def test_everything_that_is_said(listening: socket.socket) -> None:
    notify = Notify({"NOTIFY_SOCKET": listening.getsockname(), "WATCHDOG_USEC": "60000000"})
    assert notify.watchdog == 30.0
    notify.ready("ready (degraded: libera)")
    assert listening.recv(200) == b"READY=1\nSTATUS=ready (degraded: libera)"
    notify.reloading()
    assert listening.recv(200).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    notify.alive()
    assert listening.recv(200) == b"WATCHDOG=1"
    notify.stopping()
    assert listening.recv(200) == b"STOPPING=1"


def test_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind(f"\0linkspan-test-{os.getpid()}")
        ours.settimeout(5)
        Notify({"NOTIFY_SOCKET": f"@linkspan-test-{os.getpid()}"}).stopping()
        assert ours.recv(200) == b"STOPPING=1"


@pytest.mark.parametrize(
    "environ",
    [{}, {"WATCHDOG_USEC": "60000000"}, {"NOTIFY_SOCKET": "/nowhere/at/all"}, {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "x"}],
)  # fmt: skip
def test_nobody_listens(environ: dict[str, str]) -> None:
    notify = Notify(environ)
    notify.ready("ready")
    assert notify.watchdog == 0.0


def test_the_watchdog_of_another_process_is_not_ours() -> None:
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}
    assert Notify(environ).watchdog == 0.0
