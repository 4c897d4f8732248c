"""Names that a network accepts, and which one to try next when a name is taken.

A display name may be anything; what a network takes as a nick is data (:class:`NickRules`). A refused character is
replaced by something readable where there is something, and nothing is ever refused as a whole: who has no usable
letter in their name gets one that stays the same. Not here: asking the network (connectors), or who a person is (names
never tell: ids do). Called by connectors, for puppets on IRC and for ghosts on XMPP.
"""

import unicodedata
from collections.abc import Callable, Container, Iterator

import msgspec

from bridge.core.capabilities import Limit, Unit
from bridge.core.ids import Person, digest
from bridge.core.preparation import (
    LONGEST,
    has_one_direction,
    is_leftward,
    is_refused,
    is_rightward,
    resourceprep,
    vanishes,
)
from bridge.core.splitting import clip, length

_GAP = "\0"
"""Stands for whatever separates words, until it is known what the network takes for that."""

_FOREIGN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўαβγδεζηθικλμνξοπρσςτυφχψωßæøłđþıœðŋħſ"
_LATIN = (
    "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch  y  e yu ya i yi ye g w "
    "a b g d e z i th i k l m n x o p r s s t y f ch ps o "
    "ss ae o l d th i oe d ng h s"
)
_LETTERS = dict(zip(_FOREIGN, _LATIN.split(" "), strict=True))
"""Letters that Unicode does not decompose into ASCII, as their readers write them in ASCII; two are silent."""

_IRC_SPECIAL = "[]\\`_^{|}"
_IRC_NOT_FIRST = frozenset("0123456789-")
_IRC_ALLOWED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-" + _IRC_SPECIAL)


class NickRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a network takes as a nick."""

    limit: Limit
    key: Callable[[str], str]  # equal for nicks that the network cannot tell apart
    allowed: frozenset[str] | None = None  # None: whatever XMPP servers take in a resourcepart
    not_first: frozenset[str] = frozenset()
    gap: str = " "  # between words
    lead: str = ""  # put before a nick that begins with what may not come first


def irc_rules(*, nicklen: int, key: Callable[[str], str]) -> NickRules:
    """Return RFC 2812's rules; ``key`` is the network's case folding and ``nicklen`` its NICKLEN in bytes."""
    return NickRules(
        limit=Limit(nicklen, Unit.BYTES),
        key=key,
        allowed=_IRC_ALLOWED,
        not_first=_IRC_NOT_FIRST,
        gap="_",
        lead="_",
    )


def nick_key(nick: str) -> str:
    """Return what XMPP servers compare: full-width letters, soft hyphens and the like collide with the plain nick."""
    return resourceprep(nick) or nick


MUC_RULES = NickRules(limit=Limit(LONGEST, Unit.BYTES), key=nick_key)
"""What every MUC service takes: a resourcepart (XEP-0045 section 7.2, RFC 6122 section 2.4)."""


def clean(name: str, *, rules: NickRules, person: Person) -> str:
    """Return the name as a nick that the network accepts: readable, never empty, the same for the same name.

    A nick that the network accepts comes back as it is. Emoji are left out where anything else remains, else they are
    called by name; ``person`` gives a name to who has none: ``user-1a2b3c``.
    """
    if rules.allowed is None:
        found = _clean_for_muc(name)
    else:
        found = _join(_ascii(name, rules.allowed), rules.gap) or _join(_spelt(name), rules.gap)
    found = _fit(found, rules) if found else ""
    return found or _fit(f"user-{_mark(person)}", rules)


def render(template: str, name: str, *, rules: NickRules, person: Person) -> str:
    """Return the nick that a template like ``{nick}[x]`` gives for a name; of a long one only the name is cut."""
    stem = clean(name, rules=rules, person=person)
    if template == "{nick}":
        return stem
    around = length(template.replace("{nick}", ""), rules.limit.unit)
    room = max(rules.limit.size - around, 1)
    return clean(
        template.replace("{nick}", clip(stem, limit=Limit(room, rules.limit.unit))), rules=rules, person=person
    )


def irc_candidates(wanted: str, *, rules: NickRules, person: Person) -> Iterator[str]:
    """Yield without end what to try: ``nick``, ``nick_``, ``nick__``, then ``nick-`` and a hash of the person.

    ``wanted`` is a clean nick. All are within NICKLEN, and the same for the same person every time.
    """
    for suffix in ("", "_", "__"):
        yield _suffixed(wanted, suffix, rules.limit)
    attempt = 0
    while True:
        yield _suffixed(wanted, f"-{_mark(person, attempt)}", rules.limit)
        attempt += 1


def muc_candidates(wanted: str, *, person: Person) -> Iterator[str]:
    """Yield without end what to try: ``NICK``, ``NICK (NETWORK)``, ``NICK (NETWORK) 2``, ``NICK (NETWORK) 3``...

    ``wanted`` is a clean nick. A right-to-left nick cannot have Latin letters in it (RFC 3454 section 6): from the
    second candidate on, such a person is ``user-1a2b3c (NETWORK)``.
    """
    yield wanted
    stem = wanted if has_one_direction(f"{wanted} (x)") else f"user-{_mark(person)}"
    network = _clean_for_muc(person.network) or "net"
    yield _suffixed(stem, f" ({network})", MUC_RULES.limit)
    attempt = 2
    while True:
        yield _suffixed(stem, f" ({network}) {attempt}", MUC_RULES.limit)
        attempt += 1


def choose(candidates: Iterator[str], *, taken: Container[str], rules: NickRules) -> str:
    """Return the first candidate whose key is not among the keys that are taken."""
    return next(nick for nick in candidates if rules.key(nick) not in taken)


def _mark(person: Person, attempt: int = 0) -> str:
    """Return six hexadecimal digits for a person."""
    return digest("nick", person.network, person.id, attempt)[:6]


def _suffixed(nick: str, suffix: str, limit: Limit) -> str:
    """Put a suffix behind a nick, of which as much is kept as there is room for."""
    room = max(limit.size - length(suffix, limit.unit), 1)
    return clip(nick, limit=Limit(room, limit.unit)).rstrip(" ") + suffix if suffix else nick


def _fit(nick: str, rules: NickRules) -> str:
    """Give the nick an allowed first character and a length that fits."""
    if nick[0] in rules.not_first:
        nick = rules.lead + nick
    return clip(nick, limit=rules.limit).rstrip(" ")


def _join(text: str, gap: str) -> str:
    """Write the gaps of a text, never two together and none at an end."""
    return gap.join(word for word in text.split(_GAP) if word)


def _ascii(name: str, allowed: frozenset[str]) -> str:
    """Map every character to allowed ones or a gap; whatever decorates a letter is dropped."""
    return "".join(c if c in allowed else _ascii_letter(c, allowed) for c in name)


def _ascii_letter(character: str, allowed: frozenset[str]) -> str:
    """Map one character that is not allowed."""
    letters = _LETTERS.get(character.lower())
    if letters is not None:
        return letters if character.islower() else letters.capitalize()
    kept = []
    for part in unicodedata.normalize("NFKD", character):
        if part in allowed:
            kept.append(part)
        elif part != character and part.lower() in _LETTERS:
            kept.append(_ascii_letter(part, allowed))
        elif not _is_silent(part):
            kept.append(_GAP)
    return "".join(kept)


def _is_silent(character: str) -> bool:
    """Tell whether a character separates nothing: accents, controls, joiners, direction marks, half pairs."""
    return unicodedata.category(character) in {"Mn", "Me", "Mc", "Cf", "Cc", "Cs"} and not character.isspace()


def _spelt(name: str) -> str:
    """Call symbols by their names; everything else is left out."""
    return "".join(_symbol_name(c) for c in name if unicodedata.category(c) == "So")


def _symbol_name(symbol: str) -> str:
    """Return ``fox face`` for U+1F98A, with gaps between and around the words."""
    name = unicodedata.name(symbol, "").lower()
    if name.startswith("regional indicator symbol letter "):  # two of them are a flag: spelt together
        return name[-1]
    return f"{_GAP}{name.replace(' ', _GAP)}{_GAP}"


def _clean_for_muc(name: str) -> str:
    """Return a name as it passes resourceprep, "" if nothing of it does."""
    if resourceprep(name) == name and _one_blank(name) == name:
        return name
    return _passing(name) or _passing(_join(_spelt(name), MUC_RULES.gap))


def _passing(name: str) -> str:
    """Leave out what resourceprep refuses, then what stands in the wrong direction."""
    text = _normal("".join(c for c in name if not vanishes(c)))
    text = _join("".join(_muc_character(c) for c in text), MUC_RULES.gap)
    text = clip(_normal(text), limit=MUC_RULES.limit)  # leaving out brings others together, which may then compose
    text = _one_blank(_one_direction(text))
    return text if resourceprep(text) == text else ""


def _muc_character(character: str) -> str:
    """Map one character to itself, a gap or nothing."""
    if character.isspace():
        return _GAP
    if not is_refused(character):
        return character
    return "" if _is_silent(character) else _GAP


def _one_direction(text: str) -> str:
    """Keep the letters of the direction that has more of them; a right-to-left text begins and ends with letters."""
    if has_one_direction(text):
        return text
    leftward = sum(map(is_leftward, text))
    rightward = sum(map(is_rightward, text))
    if leftward <= rightward:
        return "".join(c for c in text if not is_leftward(c))
    letters = [c for c in text if not is_rightward(c)]
    while not is_leftward(letters[0]):
        letters.pop(0)
    while not is_leftward(letters[-1]):
        letters.pop()
    return "".join(letters)


def _normal(text: str) -> str:
    """Return NFKC as it was when resourceprep was defined."""
    return unicodedata.ucd_3_2_0.normalize("NFKC", text)


def _one_blank(text: str) -> str:
    """Write blanks one by one, and none at an end."""
    return " ".join(word for word in text.split(" ") if word)
