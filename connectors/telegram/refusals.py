"""What Telegram says when it does not do what it was asked, and what follows from each of it.

The errors here are raised by ``client.py``, the only module that knows the library's own; what they mean for a delivery is
decided here, by tables. Pure.
"""

from enum import StrEnum
from typing import Final

from bridge.core.failures import AuthLost, DeliveryFailure, Permanent, Retry, Uncertain


class Trouble(Exception):
    """A request did not have its result."""


class Refused(Trouble):
    """Telegram will not do this (400, 403); in its own words, of which the token is no part."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words.casefold()


class Flooded(Trouble):
    """Too much (429): again after so many seconds."""

    def __init__(self, after: float) -> None:
        super().__init__(f"Telegram wants us to wait for {after:g} s")
        self.after = after


class Migrated(Trouble):
    """The group has become a supergroup with another id."""

    def __init__(self, chat: int) -> None:
        super().__init__("the group has become a supergroup")
        self.chat = chat


class TokenRefused(Trouble):
    """There is no bot with this token (401, 404)."""


class OtherReader(Trouble):
    """Somebody else reads this bot's updates (409)."""


class Unreachable(Trouble):
    """The request did not get through: it had no effect."""


class Unanswered(Trouble):
    """The request went out, and no answer came back: it may have had its effect."""


class Meaning(StrEnum):
    """What a refusal comes to."""

    DONE = "done"  # it is as it was to be
    GONE = "gone"  # the message that it was about is not there any more
    CAPTION = "caption"  # the message has a caption, not a text
    UNFETCHED = "unfetched"  # Telegram could not get a file from its URL
    UNDELETABLE = "undeletable"
    NO_TOPIC = "no topic"  # there is no such topic in the chat
    OUTSIDE = "outside"  # the bot is not in the chat, or may not write to the person
    NEVER = "never"


_MEANINGS: Final = {
    "message is not modified": Meaning.DONE,
    "message to delete not found": Meaning.DONE,
    "message to react not found": Meaning.DONE,
    "reaction_invalid": Meaning.DONE,  # the group does not allow this one
    "reactions_too_many": Meaning.DONE,
    "participant_id_invalid": Meaning.DONE,
    "user_not_participant": Meaning.DONE,
    "message to edit not found": Meaning.GONE,
    "message_id_invalid": Meaning.GONE,
    "there is no text in the message": Meaning.CAPTION,
    "there is no caption in the message": Meaning.GONE,
    "failed to get http url content": Meaning.UNFETCHED,
    "wrong type of the web page content": Meaning.UNFETCHED,
    "wrong file identifier": Meaning.UNFETCHED,
    "wrong remote file identifier": Meaning.UNFETCHED,
    "webpage_": Meaning.UNFETCHED,
    "photo_invalid_dimensions": Meaning.UNFETCHED,
    "image_process_failed": Meaning.UNFETCHED,
    "message can't be deleted": Meaning.UNDELETABLE,
    "message thread not found": Meaning.NO_TOPIC,
    "topic_deleted": Meaning.NO_TOPIC,
    "bot was kicked": Meaning.OUTSIDE,
    "bot is not a member": Meaning.OUTSIDE,
    "chat not found": Meaning.OUTSIDE,
    "the group chat was deleted": Meaning.OUTSIDE,
    "bot was blocked": Meaning.NEVER,
}
_WORDS: Final = {
    "bot was blocked": "this person has blocked the bot",
    "user is deactivated": "this person has deleted their account",
    "can't initiate conversation": "the bot may not write to this person before they have written to it",
    "message to edit not found": "the message to correct is not there any more",
    "message can't be edited": "Telegram does not let this message be changed",
    "message can't be deleted": "the bot needs the right to delete messages in this chat",
    "not enough rights to restrict": "the bot needs the right to ban users in this chat",
    "user is an administrator": "this person is an administrator of the group",
    "can't remove chat owner": "this person owns the group",
    "not enough rights": "the bot is not allowed to do this in the chat",
    "have no rights to send": "the bot is not allowed to write in this chat",
    "need administrator rights": "the bot has to be an administrator of this channel",
    "chat_write_forbidden": "the bot is not allowed to write in this chat",
    "topic_closed": "the topic is closed",
    "topic_deleted": "the topic has been deleted",
    "message thread not found": "there is no such topic in this chat",
    "bot was kicked": "the bot was removed from the chat",
    "bot is not a member": "the bot is not in the chat",
    "chat not found": "the bot knows no such chat: it has to be added there first",
    "the group chat was deleted": "the group was deleted",
}


def meaning(refused: Refused) -> Meaning:
    """Return what a refusal comes to."""
    return next((found for words, found in _MEANINGS.items() if words in refused.words), Meaning.NEVER)


def reason(refused: Refused) -> str:
    """Return a refusal as a sentence for a person."""
    known = next((words for part, words in _WORDS.items() if part in refused.words), "")
    return known or f"Telegram says: {refused}"


def failure(trouble: Trouble, *, once: bool) -> DeliveryFailure:
    """Return what a delivery fails with. ``once``: carried out twice it would be there twice."""
    match trouble:
        case Refused():
            return Permanent(reason(trouble))
        case Flooded(after=after):
            return Retry(str(trouble), after=after)
        case Migrated():
            return Retry(str(trouble), after=0)
        case TokenRefused():
            return AuthLost("Telegram does not accept the bot's token")
        case Unanswered() if once:
            return Uncertain("Telegram gave no answer")
        case _:
            return Retry("Telegram cannot be reached")
