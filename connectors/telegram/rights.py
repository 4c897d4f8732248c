"""What a bot cannot do where it is, and what to do about it: said by ``linkspan check``, and once in the log. Pure."""

from typing import Final

from bridge.connector import Finding
from connectors.telegram.updates import HookInfo, Standing, User

PRIVACY: Final = "privacy mode is on, so the bot reads commands and answers to itself only"
PRIVACY_HINT: Final = (
    "talk to @BotFather: /setprivacy, choose the bot, Disable; then remove the bot from the group and add it again. "
    "Or make it an administrator of the group"
)
ADMIN_HINT: Final = "make it an administrator of the chat, with the rights to delete messages and to ban users"
RIGHTS_HINT: Final = "give it these rights among the administrator's"
WRITE_HINT: Final = "let it send messages (the group's permissions, or its own)"
POST_HINT: Final = "give it the administrator's right to post messages"


RECENT: Final = 600
"""Seconds for which a failed delivery matters."""
DELIVERY_HINT: Final = (
    "http.public_url has to be reachable from the Internet, by HTTPS on port 443, 80, 88 or 8443, with /telegram/ passed "
    "on to http.listen; or set webhook = false, and updates are polled"
)


def delivery(network: str, url: str, info: HookInfo, now: int) -> Finding:
    """Return what there is to say about updates being delivered to a URL; ``now`` in seconds since the epoch."""
    subject = f"{network} webhook"
    if info.url == url and info.last_error_date > now - RECENT:
        detail = f"Telegram cannot deliver updates to {url}: {info.last_error_message}"
        return Finding(subject=subject, ok=False, detail=detail, hint=DELIVERY_HINT)
    return Finding(subject=subject, ok=True, detail=f"updates are delivered to {url}", hint=DELIVERY_HINT)


def lacking(me: User, own: Standing) -> str:
    """Return what keeps the bot from reading or speaking in a chat that it is in, and what to do; "" if nothing does."""
    if not own.admin and not me.can_read_all_group_messages:
        return f"{PRIVACY}: {PRIVACY_HINT}"
    if own.status == "restricted" and not own.can_send_messages:
        return f"the bot may not write here: {WRITE_HINT}"
    if own.status == "administrator" and own.can_post_messages is False:
        return f"the bot may not post in this channel: {POST_HINT}"
    return ""


def missing(own: Standing) -> str:
    """Return which rights the bot could use besides, and what to do; "" if it has all."""
    if own.status == "creator":
        return ""
    found = [
        what
        for there, what in (
            (own.admin, "sees no reactions, and not all joins and leaves"),
            (own.can_delete_messages, "cannot delete others' messages"),
            (own.can_restrict_members, "cannot remove people"),
        )
        if not there
    ]
    if not found:
        return ""
    return f"the bot {', '.join(found)}: {RIGHTS_HINT if own.admin else ADMIN_HINT}"


def findings(subject: str, me: User, own: Standing) -> list[Finding]:
    """Return what there is to say about a chat: whether it is read, and which rights are missing."""
    if not own.inside:
        return [Finding(subject=subject, ok=False, detail="the bot is not in the chat", hint="add it there")]
    trouble = lacking(me, own)
    if trouble:
        detail, _, hint = trouble.partition(": ")
        return [Finding(subject=subject, ok=False, detail=detail, hint=hint)]
    less = missing(own)
    hint = less.partition(": ")[2]
    return [Finding(subject=subject, ok=True, detail=f"read; {less}" if less else "read, with all rights", hint=hint)]
