"""Who people on Telegram are: ids, names, and whose ``@username`` is whose. Used by :mod:`connectors.telegram.inbound`.

Somebody with an account is their numeric id. Who speaks as a channel, or as the group itself (an anonymous administrator), is
a person of their own: the chat's id, under its title.
"""

from collections import OrderedDict
from collections.abc import Callable

from bridge.core.events import Member
from bridge.core.ids import Network, Person, PersonId, RoomId
from bridge.core.text import clean_name
from connectors.telegram.updates import Chat, Message, User

_MOST = 10_000


class People:
    """Members of this network, and the usernames that were seen lately."""

    def __init__(self, network: Network, *, portrait: Callable[[int], str]) -> None:
        self._network = network
        self._portrait = portrait  # what the picture of a person or chat is called
        self._usernames: OrderedDict[str, Person] = OrderedDict()

    def user(self, user: User) -> Member:
        """Return somebody with an account."""
        person = Person(self._network, PersonId(str(user.id)))
        if user.username:
            self._usernames[user.username.casefold()] = person
            self._usernames.move_to_end(user.username.casefold())
            if len(self._usernames) > _MOST:
                self._usernames.popitem(last=False)
        return Member(
            person=person,
            name=full_name(user),
            handle=f"@{clean_name(user.username)}" if user.username else "",
            bot=user.is_bot,
            avatar=self._portrait(user.id),
        )

    def chat(self, chat: Chat) -> Member:
        """Return a chat that speaks itself."""
        return Member(
            person=Person(self._network, PersonId(str(chat.id))),
            name=chat_name(chat),
            handle=f"@{clean_name(chat.username)}" if chat.username else "",
            avatar=self._portrait(chat.id),
        )

    def sender(self, message: Message) -> Member | None:
        """Return who said something."""
        if message.sender_chat is not None:
            return self.chat(message.sender_chat)
        return None if message.sender is None else self.user(message.sender)

    def known(self, username: str) -> Person | None:
        """Return whose username this is."""
        return self._usernames.get(username.casefold())


class Whereabouts:
    """In which rooms somebody was lately, and as whom: a picture that has changed has to be told there."""

    def __init__(self) -> None:
        self._lately: OrderedDict[Person, dict[RoomId, Member]] = OrderedDict()

    def here(self, room: RoomId, member: Member) -> None:
        """Take note that somebody is in a room."""
        self._lately.setdefault(member.person, {})[room] = member
        self._lately.move_to_end(member.person)
        if len(self._lately) > _MOST:
            self._lately.popitem(last=False)

    def gone(self, room: RoomId, member: Member) -> None:
        """Take note that somebody is not in a room any more."""
        self._lately.get(member.person, {}).pop(room, None)

    def of(self, person: Person) -> list[tuple[RoomId, Member]]:
        """Return where somebody is, and as whom."""
        return list(self._lately.get(person, {}).items())


def full_name(user: User) -> str:
    """Return somebody's name; people who have deleted their account have none."""
    return _name(f"{user.first_name} {user.last_name}") or _name(user.username) or f"user {user.id}"


def chat_name(chat: Chat) -> str:
    """Return the name of a chat, also of a private one."""
    names = (chat.title, f"{chat.first_name} {chat.last_name}", chat.username)
    return next((name for name in map(_name, names) if name), f"chat {chat.id}")


def _name(text: str) -> str:
    return clean_name(text).strip()
