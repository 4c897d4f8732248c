"""Fitting a delivery to what its network can carry, so that no connector asks "may I?".

What a network has in no form is left out or put into words here; what it has in another form (FALLBACK) the connector
shows, since only it knows how its readers expect that: a correction on IRC, a reply as a tag. Two things are words on
any network, so FALLBACK of these is done here too: attachments become lines with their URL, actions ``* nick text``. A
file without a URL (only its own network can read it) is named in words everywhere.

    feature                  NATIVE, FALLBACK        DROPPED                    REFUSED
    edit, retract, react     passes                  no delivery                no delivery, the sender is told
    topic, kick, direct      passes                  no delivery                no delivery, the sender is told
    attachment               passes, lines of text   left out                   left out, the sender is told
    action                   passes, ``* nick ...``  ``* nick text``            ``* nick text``
    formatting               passes                  quotes and URLs as text    quotes and URLs as text
    multiline                passes                  lines joined by `` / ``    lines joined by `` / ``
    notice, mention, reply   passes                  the words alone            the words alone
    thread                   passes                  the words alone            the words alone

Called by :mod:`bridge.core.routing` (``fit``), by the outbox just before sending (``unresolved``, ``as_relay``), and by
connectors of line networks (``correction``, ``described``).
"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple, assert_never

from msgspec.structs import replace

from bridge.core.capabilities import Capabilities, Feature, Support
from bridge.core.content import Attachment, Content, Kind
from bridge.core.deliveries import (
    Announce,
    AsBridge,
    AsMask,
    AsPuppet,
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
from bridge.core.spans import prefixed
from bridge.core.styling import plain

_TEXT = Kind.TEXT
"""Until Python 3.12 a member of an Enum costs as much as a call: on the way of every message it is looked up once."""
_LOST = frozenset({Support.DROPPED, Support.REFUSED})
_LEAST_FOR_SHORT = 20  # code points: a text that is shorter is repeated as a whole
_MOST_CHANGES = 3
_MOST_WORDS = 60  # between the first and the last change: comparing more costs more than it explains


class Fitted(NamedTuple):
    """What is left of a delivery."""

    delivery: Delivery | None  # None: nothing
    refused: tuple[Feature, ...] = ()  # what the sender should be told of


_ALL_OR_NOTHING: dict[type[Delivery], Feature] = {
    Edit: Feature.EDIT,
    Tell: Feature.DIRECT,
    Retract: Feature.RETRACT,
    React: Feature.REACT,
    SetTopic: Feature.TOPIC,
    Kick: Feature.KICK,
}
"""Deliveries that stand and fall with one feature."""


def fit(delivery: Delivery, capabilities: Capabilities) -> Fitted:
    """Return the delivery as its network can carry it; fitting it again changes nothing."""
    feature = _ALL_OR_NOTHING.get(type(delivery))
    if feature is not None:
        support = capabilities.support(feature)
        if support in _LOST:
            return Fitted(None, (feature,) if support is Support.REFUSED else ())
    match delivery:
        case Post(reply=reply, thread=thread):
            if reply is not None and capabilities.support(Feature.REPLY) in _LOST:
                delivery = replace(delivery, reply=None)
            if thread and capabilities.support(Feature.THREAD) in _LOST:
                delivery = replace(delivery, thread="")
            return _fit_words(delivery, capabilities)
        case Edit() | Tell():
            return _fit_words(delivery, capabilities)
        case Retract() | React() | SetTopic() | Kick() | Announce():
            return Fitted(delivery)
        case _:
            assert_never(delivery)


def _fit_words(delivery: Post | Edit | Tell, capabilities: Capabilities) -> Fitted:
    said, refused = fit_content(delivery.content, capabilities, delivery.head.voice)
    if said is None:
        return Fitted(None, refused)
    if isinstance(delivery, Edit) and delivery.previous is not None:
        delivery = replace(delivery, previous=unreachable_named(delivery.previous))
    return Fitted(delivery if said is delivery.content else replace(delivery, content=said), refused)


def fit_content(
    content: Content, capabilities: Capabilities, voice: Voice
) -> tuple[Content | None, tuple[Feature, ...]]:
    """Return the content as a network can carry it, None if nothing is left, and what was refused."""
    refused: tuple[Feature, ...] = ()
    content = unreachable_named(content)
    if content.attachments:
        content, refused = _fit_attachments(content, capabilities)
    if not content.attachments and not content.text.strip():
        return None, refused
    if content.spans and capabilities.support(Feature.FORMATTING) in _LOST:
        content = plain(content)
    if content.kind is not Kind.TEXT:
        content = _fit_kind(content, capabilities, voice)
    if content.mentions and capabilities.support(Feature.MENTION) in _LOST:
        content = replace(content, mentions=())
    if "\n" in content.text and capabilities.support(Feature.MULTILINE) in _LOST:
        content = _on_one_line(content)
    return content, refused


def is_simple(content: Content) -> bool:
    """Tell whether every network can carry this as it is: one line of words."""
    return (
        content.kind is _TEXT
        and not content.spans
        and not content.mentions
        and not content.attachments
        and "\n" not in content.text
        and bool(content.text)
        and not content.text.isspace()
    )


def _fit_attachments(content: Content, capabilities: Capabilities) -> tuple[Content, tuple[Feature, ...]]:
    match capabilities.support(Feature.ATTACHMENT):
        case Support.NATIVE:
            return content, ()
        case Support.FALLBACK:
            lines = [described(one) for one in content.attachments if one.url not in content.text]
            if content.text:
                lines.insert(0, content.text)
            return replace(content, text="\n".join(lines), attachments=()), ()
        case Support.DROPPED:
            return replace(content, attachments=()), ()
        case Support.REFUSED:
            return replace(content, attachments=()), (Feature.ATTACHMENT,)


def unreachable_named(content: Content) -> Content:
    """Return the content with files that have no URL named in front of its text: ``[photo, 1280×960, 230 kB] a caption``."""
    unreachable = [one for one in content.attachments if not one.url]
    if not unreachable:
        return content
    names = " ".join(named(one) for one in unreachable)
    content = replace(content, attachments=tuple(one for one in content.attachments if one.url))
    return prefixed(content, f"{names} " if content.text else names)


def _fit_kind(content: Content, capabilities: Capabilities, voice: Voice) -> Content:
    """Say what an action or a notice says in plain words, where the network knows neither."""
    if content.kind is Kind.NOTICE:
        lost = capabilities.support(Feature.NOTICE) in _LOST
        return replace(content, kind=Kind.TEXT) if lost else content
    if capabilities.support(Feature.ACTION) is Support.NATIVE:
        return content
    return replace(prefixed(content, f"* {_spoken_name(voice)}"), kind=Kind.TEXT)


def _spoken_name(voice: Voice) -> str:
    """Return the name that an action goes on after, "" where the connector says it anyway."""
    match voice:
        case AsPuppet(member=member) | AsMask(member=member):
            return f"{member.name} "
        case AsRelay() | AsBridge():
            return ""
        case _:
            assert_never(voice)


def _on_one_line(content: Content) -> Content:
    """Join the lines; spans and mentions would need new places, and such a network has little use for them."""
    lines = (line.strip() for line in content.text.splitlines())
    return replace(content, text=" / ".join(line for line in lines if line), spans=(), mentions=())


def described(attachment: Attachment) -> str:
    """Return an attachment in words: ``photo.jpg (1.2 MB): https://...``; what has no name is called by what it is."""
    about = [] if attachment.size is None else [human_size(attachment.size)]
    name, description = (" ".join(text.split()) for text in (attachment.name, attachment.description))
    if description and name:
        about.append(description)
    name = name or description
    behind = f"({', '.join(about)})" if about else ""
    before = f"{name} {behind}".strip()
    return f"{before}: {attachment.url}" if before else attachment.url


def named(attachment: Attachment) -> str:
    """Return a file that nobody can be given as people speak of it: ``[plan.pdf, document, 1.2 MB]``."""
    about = [" ".join(text.split()) for text in (attachment.name, attachment.description)]
    if not any(about):
        about.append(attachment.media_type or "file")
    if attachment.width and attachment.height:
        about.append(f"{attachment.width}×{attachment.height}")
    if attachment.duration:
        about.append(human_duration(attachment.duration))
    if attachment.size is not None:
        about.append(human_size(attachment.size))
    return f"[{', '.join(filter(None, about))}]"


def human_duration(seconds: float) -> str:
    """Return a length of time as players show it: ``0:07``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def human_size(size: int) -> str:
    """Return a number of bytes as people write it: ``999 B``, ``1.2 MB``."""
    if size < 1000:
        return f"{size} B"
    units = ("kB", "MB", "GB", "TB")
    amount, power = size / 1000, 0
    while amount >= 999.5 and power < len(units) - 1:
        amount, power = amount / 1000, power + 1
    return f"{amount:.1f} {units[power]}" if amount < 9.95 else f"{amount:.0f} {units[power]}"


def unresolved(delivery: Delivery) -> Delivery | None:
    """Return what to send when the message that a delivery is about has no copy in its room, None for nothing.

    A correction is said as a new message that looks like one; there is nothing to retract or to react to. A reply keeps
    what it quotes.
    """
    match delivery:
        case Edit(head=head, target=target, content=content):
            return Post(head=head, message=target, content=correction(None, content))
        case Retract() | React():
            return None
        case Post() | SetTopic() | Announce() | Kick() | Tell():
            return delivery
        case _:
            assert_never(delivery)


def as_relay(delivery: Delivery) -> Delivery | None:
    """Return the delivery in the relay's voice, None if it has no puppet or mask to lose."""
    match delivery.head.voice:
        case AsPuppet(member=member) | AsMask(member=member):
            return replace(delivery, head=replace(delivery.head, voice=AsRelay(member=member)))
        case AsRelay() | AsBridge():
            return None
        case _:
            assert_never(delivery.head.voice)


def correction(previous: Content | None, new: Content) -> Content:
    """Return what to say on a network of lines when a message was corrected; no text when there is nothing to say.

    ``* teh → the`` when few words of a longer text changed, else ``* `` and the whole new text.
    """
    after = new.text.split()
    if not after and not new.attachments:
        return Content(text="")
    if previous is not None and _same_files(previous, new):
        before = previous.text.split()
        if before == after:
            return Content(text="")
        short = _changes(before, after) if len(new.text) >= _LEAST_FOR_SHORT and before else ""
        if short and len(short) < len(new.text):
            return Content(text=f"* {short}", kind=Kind.NOTICE if new.kind is Kind.NOTICE else Kind.TEXT)
    return prefixed(new, "* ")


def _same_files(one: Content, other: Content) -> bool:
    """Tell whether two contents have the same files; the URL that the bridge gives to one may be another each time."""
    return [file.handle or file.url for file in one.attachments] == [
        file.handle or file.url for file in other.attachments
    ]


def _changes(before: Sequence[str], after: Sequence[str]) -> str:
    """Return the words that changed, ``teh → the, wnet → went``; "" if that explains nothing."""
    first = 0
    while first < min(len(before), len(after)) and before[first] == after[first]:
        first += 1
    last = 0
    while last < min(len(before), len(after)) - first and before[-1 - last] == after[-1 - last]:
        last += 1
    if max(len(before), len(after)) - first - last > _MOST_WORDS:
        return ""
    # one equal word on each side, for those changes that have no word of their own before or after
    start = max(first - 1, 0)
    end = max(last - 1, 0)
    changes = list(_substitutions(before[start : len(before) - end], after[start : len(after) - end]))
    if len(changes) > _MOST_CHANGES:
        return ""
    return ", ".join(f"{old} → {now}" for old, now in changes)


def _substitutions(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (old words, new words); what was only added or only left out comes with the word beside it."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        old, now = list(before[i:i_end]), list(after[j:j_end])
        if not old or not now:
            if i > 0:
                old, now = [before[i - 1], *old], [after[j - 1], *now]
            else:
                old, now = [*old, before[i_end]], [*now, after[j_end]]
        yield " ".join(old), " ".join(now)
