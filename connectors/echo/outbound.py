"""Deliveries of the bridge to acts on the network: pure, and thus tested by tables.

Core has chosen the voice and fitted the content. What is left is what only a connector knows: how long a line may be,
which characters the network takes, and what stands in for a feature that was declared a fallback.
Called by :mod:`connectors.echo.connector` just before it acts.
"""

import re
from typing import assert_never

import msgspec

from bridge.core.capabilities import Capabilities, Feature, Support
from bridge.core.content import Content, Kind
from bridge.core.deliveries import (
    Announce,
    AsRelay,
    Delivery,
    Edit,
    Kick,
    Post,
    React,
    Retract,
    SetTopic,
    Tell,
    Voice,
)
from bridge.core.failures import Permanent, Unsupported
from bridge.core.spans import prefixed
from bridge.core.splitting import cut
from connectors.echo.network import Verb

_ILLEGAL = re.compile("[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do on the network."""

    verb: Verb
    content: Content | None = None
    target: str = ""
    text: str = ""
    reactions: tuple[str, ...] = ()
    banned: bool = False


def acts(delivery: Delivery, capabilities: Capabilities) -> list[Act]:
    """Return what to do, in order. Raises: Unsupported, Permanent."""
    feature = needed(delivery)
    if feature is not None and capabilities.support(feature) is Support.REFUSED:
        raise Unsupported(feature)
    match delivery:
        case Post(head=head, content=content, reply=reply):
            target = reply.ids[0] if reply and reply.ids else ""
            parts = _parts(_voiced(content, head.voice), capabilities)
            return [Act(verb=Verb.SAID, content=part, target="" if at else target) for at, part in enumerate(parts)]
        case Edit(head=head, ids=ids, content=content):
            return _edit(ids, _voiced(content, head.voice), capabilities)
        case Retract(ids=ids):
            return [Act(verb=Verb.RETRACTED, target=part) for part in ids]
        case React(ids=ids, reactions=reactions):
            return [Act(verb=Verb.REACTED, target=part, reactions=reactions) for part in ids[:1]]
        case SetTopic(topic=topic):
            return [Act(verb=Verb.TOPIC, text=legal(topic))]
        case Announce(text=text):
            notice = Content(text=text, kind=Kind.NOTICE)
            return [Act(verb=Verb.SAID, content=part) for part in _parts(notice, capabilities)]
        case Kick(reason=reason, ban=ban):
            return [Act(verb=Verb.KICKED, text=legal(reason), banned=ban)]
        case Tell(head=head, content=content):
            parts = _parts(_voiced(content, head.voice), capabilities)
            return [Act(verb=Verb.WHISPERED, content=part) for part in parts]
        case _:
            assert_never(delivery)


def needed(delivery: Delivery) -> Feature | None:
    """Return the feature without which a delivery cannot be."""
    match delivery:
        case Edit():
            return Feature.EDIT
        case Retract():
            return Feature.RETRACT
        case React():
            return Feature.REACT
        case SetTopic():
            return Feature.TOPIC
        case Kick():
            return Feature.KICK
        case Tell():
            return Feature.DIRECT
        case Post() | Announce():
            return None
        case _:
            assert_never(delivery)


def legal(text: str) -> str:
    """Return the text with a replacement character for each that the network refuses, so that offsets stay."""
    return _ILLEGAL.sub("\ufffd", text) if _ILLEGAL.search(text) else text


def _voiced(content: Content, voice: Voice) -> Content:
    """Say in the text who speaks, where neither an account nor a mask does."""
    if not isinstance(voice, AsRelay):
        return content
    if content.kind is Kind.ACTION:
        return msgspec.structs.replace(prefixed(content, f"* {voice.member.name} "), kind=Kind.TEXT)
    return prefixed(content, f"<{voice.member.name}> ")


def _edit(ids: tuple[str, ...], content: Content, capabilities: Capabilities) -> list[Act]:
    """Put the new text into the first part and take the others back; where edits are a fallback, say it anew."""
    if not ids:
        msg = "the message to correct is not here"
        raise Permanent(msg)
    parts = _parts(content, capabilities)
    if capabilities.support(Feature.EDIT) is not Support.NATIVE:
        return [Act(verb=Verb.SAID, content=part, target=ids[0]) for part in parts]
    return [
        Act(verb=Verb.EDITED, target=ids[0], content=parts[0]),
        *(Act(verb=Verb.RETRACTED, target=part) for part in ids[1:]),
        *(Act(verb=Verb.SAID, content=part, target=ids[0]) for part in parts[1:]),
    ]


def _parts(content: Content, capabilities: Capabilities) -> tuple[Content, ...]:
    text = legal(content.text)
    if text is not content.text:
        content = msgspec.structs.replace(content, text=text)
    return cut(content, limit=capabilities.text)
