"""Configurations as text: a connector's settings type made up for tests, and what reading a text comes to."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from bridge import config
from bridge.config import Config, ConfigError, UnknownConnector
from bridge.connector import Secret


class FakeSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Keys such as a connector may have."""

    host: str | list[str]
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] = 6697
    tls: bool = True
    password: Secret | None = None
    corrections: Literal["short", "full", "off"] = "short"
    patience: float = 30.0
    keys: dict[str, Secret] = msgspec.field(default_factory=dict)
    rooms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.host == "nowhere":
            msg = 'host: found "nowhere", expected a server'
            raise ValueError(msg)
        if self.host == "both":
            msg = "host and port contradict each other"
            raise ValueError(msg)


def settings_of(kind: str) -> type[msgspec.Struct]:
    if kind != "fake":
        msg = f'found "{kind}", expected one of fake'
        raise UnknownConnector(msg)
    return FakeSettings


def parse(text: str, folder: Path = Path("/nowhere"), **environ: str) -> Config:
    return config.parse(text, name="config.toml", folder=folder, settings_of=settings_of, environ=environ)


def problems(text: str, folder: Path = Path("/nowhere"), **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, folder, **environ)
    lines = str(caught.value).splitlines()
    assert lines == [str(problem) for problem in caught.value.problems]
    return lines


GOOD = """
[xmpp]
domain = "bridge.example.org"
secret = "s3cr3t"
[networks.libera]
connector = "fake"
host = "irc.libera.chat"
"""
