"""Users' client certificates: one that somebody pastes is looked at, one that they want is made, and each has a fingerprint.

Pure but for the making, which needs randomness; the time is an argument. Kept by :mod:`connectors.irc.puppets.logins`, shown to a server
by :mod:`connectors.irc.connection.dialing`. The only module of connectors that imports cryptography.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LASTS: Final = timedelta(days=3650)
_BLOCK: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END \1-----", re.DOTALL)
_LINE: Final = 64


def made(name: str, now: datetime) -> str:
    """Return a new key and a certificate that it has signed itself, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64] or "linkspan")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # clocks differ
        .not_valid_after(now + LASTS)
        .sign(key, hashes.SHA256())
    )
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (certificate.public_bytes(serialization.Encoding.PEM) + written).decode()


def read(text: str, now: datetime) -> str:
    """Return a pasted certificate, those that vouch for it, and its key, as OpenSSL reads them.

    What a client has made one line of is taken, too. Raises: ValueError with ``found …, expected …``.
    """
    blocks = [_written(label, body) for label, body in _BLOCK.findall(text)]
    certificates = [block for block in blocks if " CERTIFICATE-" in block]
    keys = [block for block in blocks if "PRIVATE KEY-" in block]
    if not certificates:
        raise ValueError("found no certificate, expected PEM with -----BEGIN CERTIFICATE-----")
    if len(keys) != 1:
        raise ValueError(
            f"found {len(keys)} private keys, expected the certificate's, with -----BEGIN PRIVATE KEY-----"
        )
    certificate = _certificate(certificates[0])
    _look_at_time(certificate, now)
    if _public(_key(keys[0])) != _public_of(certificate):
        raise ValueError("found a key that is not the certificate's, expected both of one pair")
    return "".join([*certificates, *keys])


def fingerprints(pem: str) -> tuple[str, str]:
    """Return a certificate's SHA-256 and SHA-512, in hexadecimal: networks differ in which they want."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    return certificate.fingerprint(hashes.SHA256()).hex(), certificate.fingerprint(hashes.SHA512()).hex()


def _written(label: str, body: str) -> str:
    """Write a block with lines of a length that everybody reads, whatever has become of them."""
    if ":" in body:  # headers of an old kind of key, which say how it is encrypted
        raise ValueError("found a key with a passphrase, expected one without")
    digits = "".join(body.split())
    lines = [digits[start : start + _LINE] for start in range(0, len(digits), _LINE)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise ValueError("found a certificate that cannot be read, expected all of its lines") from None


def _key(pem: str) -> serialization.PublicFormat | object:
    try:
        return serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise ValueError("found a key with a passphrase, expected one without") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("found a key that cannot be read, expected all of its lines") from None


def _public(key: object) -> bytes:
    public = key.public_key()  # type: ignore[attr-defined]  # every kind of private key has it
    return bytes(public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


def _public_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _look_at_time(certificate: x509.Certificate, now: datetime) -> None:
    ends, begins = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    if ends <= now:
        raise ValueError(f"found a certificate that expired on {ends:%Y-%m-%d}, expected one that is valid")
    if begins > now:
        raise ValueError(f"found a certificate that is not valid before {begins:%Y-%m-%d}, expected one that is")


def today() -> datetime:
    """Return the time by which certificates are judged."""
    return datetime.now(UTC)
