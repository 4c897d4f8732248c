"""What a message on Telegram says, as a content: every kind has one readable form, and a kind unknown here has a line.

Files become attachments that only this network can open (``handle`` is their file id, since their address has the bot's
token in it); core names them in words. Pure; called by :mod:`connectors.telegram.inbound`.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from bridge.core.capabilities import Limit, Unit
from bridge.core.content import Attachment, Content, Kind, Mention, Span, Style
from bridge.core.ids import Network
from bridge.core.spans import prefixed, tidy
from bridge.core.splitting import clip
from bridge.core.text import clean, clean_name
from connectors.telegram import rich
from connectors.telegram.entities import Known, from_entities
from connectors.telegram.people import chat_name, full_name
from connectors.telegram.services import told
from connectors.telegram.updates import Checklist, Elsewhere, File, Forwarded, Location, Message, Poll

_EXCERPT = Limit(80, Unit.CODE_POINTS)
DOWNLOAD: Final = 20_000_000
"""Bytes of the largest file that Telegram gives to bots (getFile)."""
_ENVELOPE: Final = frozenset(
    {
        "message_id", "message_thread_id", "direct_messages_topic", "from", "sender_chat", "sender_boost_count",
        "sender_business_bot", "sender_tag", "date", "guest_query_id", "business_connection_id", "chat", "forward_origin",
        "is_topic_message", "is_automatic_forward", "reply_to_message", "external_reply", "quote", "reply_to_story",
        "reply_to_checklist_task_id", "reply_to_poll_option_id", "via_bot", "guest_bot_caller_user", "guest_bot_caller_chat",
        "edit_date", "has_protected_content", "is_from_offline", "is_paid_post", "media_group_id", "author_signature",
        "paid_star_count", "link_preview_options", "suggested_post_info", "effect_id", "show_caption_above_media",
        "has_media_spoiler", "reply_markup", "entities", "caption_entities", "caption",
    }
)  # fmt: skip
"""Fields that say how and where something was said, not what."""
SILENT: Final = frozenset({"new_chat_members", "left_chat_member", "migrate_from_chat_id"})
"""What is told as facts about members and rooms, not as words."""


def content(
    message: Message, fields: frozenset[str], *, network: Network, known: Known, largest: int = DOWNLOAD
) -> Content | None:
    """Return what a message says; None where it says nothing in words.

    ``fields`` are all that the message came with; ``largest`` is how many bytes Telegram gives to bots.
    """
    if SILENT & fields:
        return None
    service = told(message, fields, excerpt=excerpt)
    if service:
        return Content(text=service, kind=Kind.ACTION)
    said = _said(message, network=network, known=known)
    files = _files(message)
    if files:
        said = replace(said, attachments=tuple(_within(file, largest) for file in files))
    else:
        words = _words(message)
        if not words and not said.text:
            words = _unknown(fields)
        if words:
            said = prefixed(said, f"{words}\n" if said.text else words)
    if message.forward_origin is not None and not message.is_automatic_forward:
        said = _forwarded(said, message.forward_origin)
    return _quoting(said, message)


def album(parts: Sequence[Content]) -> Content:
    """Return several messages of one album as one: all files, and all captions one below the other."""
    text, spans, mentions = "", list[Span](), list[Mention]()
    for part in parts:
        if not part.text:
            continue
        if text:
            text += "\n"
        at = len(text)
        text += part.text
        spans += [replace(span, start=span.start + at, end=span.end + at) for span in part.spans]
        mentions += [replace(each, start=each.start + at, end=each.end + at) for each in part.mentions]
    files = tuple(file for part in parts for file in part.attachments)
    return replace(parts[0], text=text, spans=tidy(spans, len(text)), mentions=tuple(mentions), attachments=files)


def excerpt(message: Message) -> str:
    """Return the beginning of what a message says, or what it is, on one line."""
    words = message.text or message.caption or _words(message)
    if not words and (files := _files(message)):
        words = files[0].description
    return clip(clean_name(words), limit=_EXCERPT, ellipsis="…")


def _said(message: Message, *, network: Network, known: Known) -> Content:
    if message.text:
        return from_entities(message.text, message.entities, network=network, known=known)
    if message.rich_message is not None:
        return Content(text=clean(rich.text(message.rich_message)))
    return from_entities(message.caption, message.caption_entities, network=network, known=known)


# -- files


def _files(message: Message) -> tuple[Attachment, ...]:
    if message.photo:
        largest = max(message.photo, key=lambda size: (size.width or 0) * (size.height or 0))
        return (_file(largest, "photo", "image/jpeg"),)
    if message.sticker is not None:
        return (_sticker(message.sticker),)
    if message.animation is not None:  # before document: an animation is sent as both
        return (_file(message.animation, "animation", "video/mp4"),)
    if message.video_note is not None:
        note = message.video_note
        return (_file(replace(note, width=note.length, height=note.length), "video message", "video/mp4"),)
    kinds = ((message.video, "video"), (message.audio, "audio"), (message.voice, "voice message"))
    for file, what in (*kinds, (message.live_photo, "live photo"), (message.document, "")):
        if file is not None:
            return (_file(file, what),)
    return ()


def _file(file: File, what: str, media_type: str = "") -> Attachment:
    piece = " – ".join(filter(None, map(clean_name, (file.performer, file.title))))
    return Attachment(
        url="",
        handle=file.file_id,
        name=clean_name(file.file_name),
        media_type=clean_name(file.mime_type) or media_type,
        size=file.file_size,
        width=file.width,
        height=file.height,
        duration=file.duration,
        description=f"{what}: {piece}" if piece else what,
    )


def _within(file: Attachment, largest: int) -> Attachment:
    """Return a file that bots can have as it is, another as words: nobody gets it from here."""
    if (file.size or 0) <= largest:
        return file
    return replace(file, handle="", description=f"{file.description or 'file'}, too large for bots: see Telegram")


def _sticker(file: File) -> Attachment:
    kind = "application/x-tgsticker" if file.is_animated else "video/webm" if file.is_video else "image/webp"
    emoji = clean_name(file.emoji)
    found = _file(file, f"sticker {emoji}" if emoji else "sticker", kind)
    return replace(found, width=None, height=None, size=None)  # always the same, and of no interest


# -- everything else that is said


def _words(message: Message) -> str:
    """Return what a message without text or file says; "" if it is none of these."""
    match message:
        case Message(venue=venue) if venue is not None:
            named = ", ".join(filter(None, map(clean_name, (venue.title, venue.address))))
            return f"[place: {named}] {_map(venue.location)}"
        case Message(location=location) if location is not None:
            what = "live location" if location.live_period else "location"
            return f"[{what}: {location.latitude:.5f}, {location.longitude:.5f}] {_map(location)}"
        case Message(contact=contact) if contact is not None:
            name = clean_name(f"{contact.first_name} {contact.last_name}").strip()
            return f"[contact: {', '.join(filter(None, (name, clean_name(contact.phone_number))))}]"
        case Message(poll=poll) if poll is not None:
            return _poll(poll)
        case Message(dice=dice) if dice is not None:
            return f"[{clean_name(dice.emoji)} {dice.value}]"
        case Message(checklist=checklist) if checklist is not None:
            return _checklist(checklist)
        case _:
            return _offer(message)


def _offer(message: Message) -> str:
    """Return what there is to be had, where that is all that a message says."""
    match message:
        case Message(game=game) if game is not None:
            return f"[game: {clean_name(game.title)}]"
        case Message(invoice=invoice) if invoice is not None:
            return f"[invoice: {clean_name(invoice.title)}]"
        case Message(paid_media=paid) if paid is not None:
            return f"[pictures or films for {paid.star_count} stars: see Telegram]"
        case Message(story=story) if story is not None:
            return f"[story of {chat_name(story.chat)}: see Telegram]" if story.chat is not None else "[story]"
        case Message(giveaway=giveaway) if giveaway is not None:
            prize = clean_name(giveaway.prize_description)
            return f"[giveaway with {giveaway.winner_count} winners{f': {prize}' if prize else ''}]"
        case Message(giveaway_winners=drawn) if drawn is not None:
            return f"[a giveaway has its {drawn.winner_count} winners]"
        case Message(giveaway_completed=drawn) if drawn is not None:
            return f"[a giveaway has its {drawn.winner_count} winners]"
        case _:
            return ""


def _map(location: Location) -> str:
    at = f"{location.latitude:.5f}", f"{location.longitude:.5f}"
    return f"https://www.openstreetmap.org/?mlat={at[0]}&mlon={at[1]}"


def _poll(poll: Poll) -> str:
    how = ", several answers" if poll.allows_multiple_answers else ""
    over = ", closed" if poll.is_closed else ""
    lines = [f"[{'quiz' if poll.type == 'quiz' else 'poll'}{how}{over}: {clean_name(poll.question)}]"]
    lines += [f"{number}. {clean_name(option.text)}" for number, option in enumerate(poll.options, 1)]
    return "\n".join(lines)


def _checklist(checklist: Checklist) -> str:
    lines = [f"[checklist: {clean_name(checklist.title)}]"]
    lines += [f"{'☑' if task.completion_date else '☐'} {clean_name(task.text)}" for task in checklist.tasks]
    return "\n".join(lines)


def _unknown(fields: frozenset[str]) -> str:
    """Name what is not known here: people learn that there was something, and can look."""
    kinds = sorted(fields - _ENVELOPE)
    return f"[{', '.join(kinds).replace('_', ' ') or 'empty message'}]"


# -- where it comes from, and what it answers


def _forwarded(said: Content, origin: Forwarded) -> Content:
    """Say whose words these are, which are not the sender's."""
    quoted = replace(said, spans=tidy((*said.spans, Span(0, len(said.text), Style.QUOTE)), len(said.text)))
    return prefixed(quoted, f"Forwarded from {_origin(origin)}" + (":\n" if said.text else ""))


def _origin(origin: Forwarded) -> str:
    if origin.sender_user is not None:
        return full_name(origin.sender_user)
    chat = origin.sender_chat or origin.chat
    if chat is None:
        return clean_name(origin.sender_user_name) or "somebody"
    name, signature = chat_name(chat), clean_name(origin.author_signature)
    return f"{name} ({signature})" if signature else name


def _quoting(said: Content, message: Message) -> Content:
    """Put in front what is quoted, where nobody would find it by the answer alone."""
    if message.external_reply is not None:
        words = clean(message.quote.text) if message.quote is not None else ""
        return _below(said, _elsewhere(message.external_reply, words))
    if message.quote is not None and message.quote.is_manual:
        return _below(said, clean(message.quote.text))
    return said


def _elsewhere(answered: Elsewhere, words: str) -> str:
    who = _origin(answered.origin)
    if answered.chat is not None and chat_name(answered.chat) != who:
        who = f"{who} in {chat_name(answered.chat)}"
    return f"{who}: {words}" if words else f"{who}: […]"


def _below(said: Content, quoted: str) -> Content:
    if not quoted:
        return said
    below = prefixed(said, f"{quoted}\n" if said.text else quoted)
    spans = (*below.spans, Span(0, len(quoted), Style.QUOTE))
    return replace(below, spans=tidy(spans, len(below.text)))
