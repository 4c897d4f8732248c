"""What an endpoint answers, said in the room: the keys of Mattermost's and Slack's outgoing webhooks and slash commands.

==================  ==============================================================================================
``text``            what is said, in Markdown; ``attachments`` below it
``username``        who says it; else the endpoint's name
``icon_url``        their picture
``response_type``   ``comment`` answers the message; ``ephemeral`` goes to who spoke, alone; everything else is said
==================  ==============================================================================================

Pure; called by :mod:`.outbound`.
"""

from typing import Final

import msgspec

from bridge.core.content import Content
from bridge.core.deliveries import AsBridge, Post
from bridge.core.events import DirectPosted, Member, MessagePosted, Origin
from bridge.core.ids import EventKey, MessageId, Network, Person, PersonId
from connectors.webhook.caller import Answer
from connectors.webhook.draft import Draft, one_line, web_url
from connectors.webhook.fields import text
from connectors.webhook.formats.cards import pictures, write_cards
from connectors.webhook.markup import MARKDOWN, SLACK, write

_EPHEMERAL: Final = "ephemeral"
_COMMENT: Final = "comment"


def reply(
    post: Post, answer: Answer, *, name: str, id_here: MessageId, now: int
) -> MessagePosted | DirectPosted | None:
    """Return what follows from an answer to a message, None where it says nothing; ``now`` in milliseconds since the epoch.

    ``id_here``: what the endpoint's room calls the message.
    """
    fields = _fields(answer)
    if fields is None:
        return None
    content = _content(fields)
    if not content.text and not content.attachments:
        return None
    head = post.head
    sender = _sender(fields, head.room.network, name)
    key = f"answer {head.key}"
    origin = Origin(room=head.room, key=EventKey(key), at=now)
    kind = text(fields, "response_type")
    if kind != _EPHEMERAL:
        reply_to = id_here if kind == _COMMENT else None
        return MessagePosted(origin=origin, sender=sender, id=MessageId(key), content=content, reply_to=reply_to)
    if isinstance(head.voice, AsBridge):
        return None
    return DirectPosted(origin=origin, sender=sender, to=head.voice.member.person, id=MessageId(key), content=content)


def _fields(answer: Answer) -> dict[str, object] | None:
    """Return the object that an answer holds; None for everything else, also for a page for people."""
    if not answer.body.lstrip().startswith(b"{"):
        return None
    try:
        found = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _content(fields: dict[str, object]) -> Content:
    dialect = SLACK if text(fields, "response_type") == "in_channel" and "<http" in text(fields, "text") else MARKDOWN
    draft = Draft()
    write(draft, text(fields, "text"), dialect)
    write_cards(draft, fields, dialect)
    return draft.content(attachments=pictures(fields))


def _sender(fields: dict[str, object], network: str, name: str) -> Member:
    shown = one_line(text(fields, "username"), 80) or name
    person = Person(Network(network), PersonId(f"{name}/{shown.casefold()}"))
    return Member(person=person, name=shown, avatar=web_url(text(fields, "icon_url")), bot=True)
