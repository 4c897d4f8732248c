"""Connecting where nobody is: what an operator reads."""

import pytest

from bridge.demo.processes import free_port
from connectors.irc.dialing import Server, dial
from connectors.irc.refusals import Kind, Refused
from connectors.irc.stream import Stream


def nothing() -> Stream:
    raise AssertionError("there is nobody to talk to")


async def test_where_nobody_listens_the_words_are_the_system_s_without_python_s_additions() -> None:
    port = free_port()
    with pytest.raises(Refused) as refused:
        await dial(Server(host="127.0.0.1", port=port), nothing)
    assert refused.value.kind is Kind.NETWORK
    assert str(refused.value) == f"network: 127.0.0.1:{port}: connection refused"


async def test_a_name_that_no_host_has_is_said_in_words() -> None:
    with pytest.raises(Refused) as refused:
        await dial(Server(host="no.such.host.invalid", port=6667), nothing)
    assert refused.value.kind is Kind.NETWORK
    assert "Errno" not in str(refused.value)
