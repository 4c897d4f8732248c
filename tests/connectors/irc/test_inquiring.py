"""What a line of LIST says of a channel."""

import pytest

from connectors.irc.people.inquiring import topic


@pytest.mark.parametrize(
    ("text", "software", "expected"),
    [
        ("[+nt] tea at five", "InspIRCd-3", "tea at five"),
        ("[+nt]", "InspIRCd-3", ""),
        ("[+klnt 10] [+1] tea", "UnrealIRCd-6.1.2", "[+1] tea"),
        ("tea [+nt]", "InspIRCd-3", "tea [+nt]"),
        ("[+nt] tea", "solanum-1.0", "[+nt] tea"),
        ("", "InspIRCd-3", ""),
    ],
)
def test_modes_before_a_topic_are_no_topic(text: str, software: str, expected: str) -> None:
    assert topic(text, software) == expected
