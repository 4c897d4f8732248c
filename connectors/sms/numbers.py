"""Telephone numbers: the one module that imports ``phonenumbers``. Pure.

One person is one address: ``+15551230001``, whatever way the number was written. What is only *possible* is routed, for
numbering plans change faster than anybody's data; what is possible and not valid is worth a warning. Short codes and names
are senders of other kinds: a name can be read, not answered.
"""

import re
from enum import StrEnum

import msgspec
import phonenumbers

_SHORT = re.compile(r"[0-9]{3,8}")
_CONTEXT = re.compile(r"([0-9]{3,8});phone-context=(.+)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9 _.&*+\-]{1,15}")


class Sort(StrEnum):
    """What kind of sender or receiver an address is."""

    NUMBER = "number"
    SHORT_CODE = "short code"
    NAME = "name"  # alphanumeric: can send, cannot be answered


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, in the one form in which they are kept."""

    id: str  # "+15551230001", "12345", "ACME"
    sort: Sort
    valid: bool = True  # whether the numbering plan, as far as it is known, has such a number

    @property
    def answerable(self) -> bool:
        """Whether a message can be sent there."""
        return self.sort is not Sort.NAME


class NoNumber(ValueError):
    """What was given is no telephone number; the text says what it is instead."""


def number(text: str, *, region: str = "") -> Address:
    """Return a number in international form; ``region`` ("GB") tells how national ones are meant.

    Raises: NoNumber, also for an extension, which a short message cannot reach.
    """
    given = text.strip().removeprefix("tel:")
    if short := _CONTEXT.fullmatch(given):
        return Address(id=short[1], sort=Sort.SHORT_CODE)
    try:
        parsed = phonenumbers.parse(given, region or None)
    except phonenumbers.NumberParseException:
        msg = f'found "{text}", expected a telephone number such as +15551230001'
        raise NoNumber(msg) from None
    if parsed.extension:
        msg = f'found "{text}", expected a number without an extension'
        raise NoNumber(msg)
    if not phonenumbers.is_possible_number(parsed):
        msg = f'found "{text}", expected a telephone number: this one has too many digits, or too few'
        raise NoNumber(msg)
    formed = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return Address(id=formed, sort=Sort.NUMBER, valid=phonenumbers.is_valid_number(parsed))


def sender(text: str, *, region: str = "", short_codes: frozenset[str] = frozenset()) -> Address:
    """Return who sent a message, by what a provider says: a number, a short code, or a name.

    Raises: NoNumber for nothing at all, or what no network lets anybody send.
    """
    given = text.strip()
    if given in short_codes or (_SHORT.fullmatch(given) and len(given) <= 6):
        return Address(id=given, sort=Sort.SHORT_CODE)
    try:
        return number(given if given.startswith("+") or region or not given.isdigit() else f"+{given}", region=region)
    except NoNumber:
        if not _NAME.fullmatch(given):
            raise
    if given.isdigit():
        return Address(id=given, sort=Sort.SHORT_CODE)
    return Address(id=given, sort=Sort.NAME)


def shown(address: str) -> str:
    """Return a number as people write it: "+1 555-123-0001"; anything else as it is."""
    if not address.startswith("+"):
        return address
    try:
        parsed = phonenumbers.parse(address, None)
    except phonenumbers.NumberParseException:
        return address
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
