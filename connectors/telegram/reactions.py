"""One reaction for everybody: a bot has one to a message, so it shows what most people chose of what Telegram offers.

Pure, except that it remembers who reacted how to the messages of late. Used by :mod:`connectors.telegram.outbound`.
"""

import re
from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final

from bridge.core.ids import Person
from connectors.telegram.rooms import Spot

OFFERED: Final = frozenset(
    "👍👎🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋🖕😈😴😭🤓"
    "👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾🤷😡❤"
) | {"❤\u200d🔥", "👨\u200d💻", "🤷\u200d♂", "🤷\u200d♀"}
"""What a bot may react with: ReactionTypeEmoji."""
_VARIANTS = re.compile("[\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")
_NEAR: Final = {
    "♥": "❤",
    "💙": "❤",
    "💚": "❤",
    "💛": "❤",
    "🧡": "❤",
    "💜": "❤",
    "🖤": "❤",
    "🤍": "❤",
    "😂": "🤣",
    "😆": "😁",
    "😄": "😁",
}
_MOST: Final = 2_000


def offered(emoji: str) -> str:
    """Return what Telegram has for an emoji, without its colour of skin; "" if nothing comes near."""
    plain = _VARIANTS.sub("", emoji)
    plain = _NEAR.get(plain, plain)
    return plain if plain in OFFERED else ""


class Reactions:
    """Who reacted how."""

    def __init__(self) -> None:
        self._given: OrderedDict[Spot, dict[Person, tuple[str, ...]]] = OrderedDict()

    def change(self, spot: Spot, person: Person, reactions: Iterable[str]) -> str:
        """Take somebody's reactions to a message; return the one that is to be shown, "" for none."""
        given = self._given.setdefault(spot, {})
        self._given.move_to_end(spot)
        if len(self._given) > _MOST:
            self._given.popitem(last=False)
        chosen = tuple(dict.fromkeys(filter(None, map(offered, reactions))))
        given.pop(person, None)
        if chosen:
            given[person] = chosen
        votes = Counter(emoji for emojis in given.values() for emoji in emojis)
        return votes.most_common(1)[0][0] if votes else ""
