"""Client certificates that users make or paste: what is taken, in whatever state it arrives, and what is refused with which words."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.irc.connection.certificates import LASTS, fingerprints, made, read

NOW = datetime(2026, 11, 28, tzinfo=UTC)
PEM = made("juliet", NOW)
BEGIN = "-----BEGIN PRIVATE KEY-----"
CERTIFICATE, KEY = PEM.split(BEGIN)
KEY = BEGIN + KEY


def locked_key() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    encryption = serialization.BestAvailableEncryption(b"sesame")
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


def test_a_certificate_of_the_bridges_is_good_for_years_and_has_fingerprints() -> None:
    assert read(PEM, NOW) == PEM
    assert read(PEM, NOW + LASTS - timedelta(days=1)) == PEM
    sha256, sha512 = fingerprints(PEM)
    assert (len(sha256), len(sha512)) == (64, 128)
    assert fingerprints(made("juliet", NOW))[0] != sha256


@pytest.mark.parametrize(
    "pasted",
    [
        KEY + CERTIFICATE,
        PEM.replace("\n", "\r\n"),
        PEM.replace("\n", " "),
        f"Bag Attributes\n    friendlyName: juliet\n{PEM}\n\n",
        PEM.replace("\n", "\n\n  "),
    ],
    ids=["key first", "crlf", "one line", "words around", "blank lines"],
)
def test_what_was_pasted_is_mended(pasted: str) -> None:
    assert read(pasted, NOW) == PEM


def test_those_that_vouch_for_it_stay_behind_it() -> None:
    other = made("ca", NOW).split("-----BEGIN PRIVATE")[0]
    assert read(CERTIFICATE + other + KEY, NOW) == CERTIFICATE + other + KEY


@pytest.mark.parametrize(
    ("pasted", "complaint"),
    [
        ("", "found no certificate"),
        ("hello", "found no certificate"),
        (KEY, "found no certificate"),
        (CERTIFICATE, "found 0 private keys"),
        (CERTIFICATE + KEY + KEY, "found 2 private keys"),
        (CERTIFICATE[:200] + CERTIFICATE[260:] + KEY, "found a certificate that cannot be read"),
        (CERTIFICATE + KEY[:60] + KEY[100:], "found a key that cannot be read"),
        (CERTIFICATE + locked_key(), "found a key with a passphrase"),
        (
            CERTIFICATE + KEY.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\n", 1),
            "found a key with a passphrase",
        ),
        (CERTIFICATE + BEGIN + made("x", NOW).split(BEGIN)[1], "found a key that is not the certificate's"),
        (made("j", NOW - LASTS - timedelta(days=9)), "found a certificate that expired on 2026-11-19"),
        (made("j", NOW + timedelta(days=9)), "found a certificate that is not valid before 2026-12-06"),
    ],
)
def test_what_is_no_pair_is_refused_in_words(pasted: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as error:
        read(pasted, NOW)
    assert "expected" in str(error.value)
    assert KEY.splitlines()[1] not in str(error.value)
