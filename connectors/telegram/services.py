"""Service messages: what somebody did, as it is told after their name ("Alice pinned “sail at ten”").

Every kind that the Bot API has, but those that are facts about members and rooms. Pure; called by
:mod:`connectors.telegram.contents`.
"""

from collections.abc import Callable, Iterable
from typing import Final

from bridge.core.text import clean_name
from connectors.telegram.people import full_name
from connectors.telegram.updates import Message, Task, Ticked

_PLAIN: Final = {
    "group_chat_created": "created the group",
    "supergroup_chat_created": "created the group",
    "channel_chat_created": "created the channel",
    "delete_chat_photo": "removed the group's picture",
    "forum_topic_closed": "closed the topic",
    "forum_topic_reopened": "reopened the topic",
    "general_forum_topic_hidden": "hid the general topic",
    "general_forum_topic_unhidden": "showed the general topic again",
    "message_auto_delete_timer_changed": "changed when messages are deleted by themselves",
    "new_chat_photo": "changed the group's picture",
    "video_chat_scheduled": "scheduled a video chat",
    "video_chat_started": "started a video chat",
    "video_chat_participants_invited": "invited people to the video chat",
    "boost_added": "boosted the group",
    "chat_background_set": "changed the chat's background",
    "migrate_to_chat_id": "made this group a supergroup",
    "chat_owner_left": "left the group that they own",
    "giveaway_created": "prepared a giveaway",
    "gift": "sent a gift",
    "unique_gift": "sent a gift",
    "gift_upgrade_sent": "paid for a gift to be upgraded",
    "successful_payment": "paid",
    "refunded_payment": "got their money back",
    "write_access_allowed": "allowed the bot to write to them",
    "connected_website": "logged in to a website",
    "paid_message_price_changed": "changed what a message costs",
    "direct_message_price_changed": "changed what a message to the channel costs",
    "suggested_post_approved": "approved a suggested post",
    "suggested_post_approval_failed": "could not approve a suggested post",
    "suggested_post_declined": "declined a suggested post",
    "suggested_post_paid": "was paid for a suggested post",
    "suggested_post_refunded": "paid back a suggested post",
}


def told(message: Message, fields: frozenset[str], *, excerpt: Callable[[Message], str]) -> str:
    """Return what somebody did; "" for a message that is said. ``excerpt`` is the beginning of another one's words."""
    for field, words in _PLAIN.items():
        if field in fields:
            return words
    return _about_the_group(message, excerpt) or _about_a_list(message)


def _about_the_group(message: Message, excerpt: Callable[[Message], str]) -> str:
    match message:
        case Message(new_chat_title=title) if title:
            return f"changed the name to “{clean_name(title)}”"
        case Message(pinned_message=pinned) if pinned is not None:
            words = excerpt(pinned)
            return f"pinned “{words}”" if words else "pinned a message"
        case Message(forum_topic_created=topic) if topic is not None:
            return f"created the topic “{clean_name(topic.name)}”"
        case Message(forum_topic_edited=topic) if topic is not None:
            name = clean_name(topic.name)
            return f"renamed the topic to “{name}”" if name else "changed the topic's icon"
        case Message(video_chat_ended=ended) if ended is not None:
            return f"ended the video chat ({ended.duration // 60} min)"
        case Message(chat_owner_changed=changed) if changed is not None and changed.new_owner is not None:
            return f"gave the group to {full_name(changed.new_owner)}"
        case Message(proximity_alert_triggered=near) if near is not None:
            return f"said that {full_name(near.traveler)} is within {near.distance} m of {full_name(near.watcher)}"
        case _:
            return ""


def _about_a_list(message: Message) -> str:
    match message:
        case Message(checklist_tasks_done=ticked) if ticked is not None:
            return _ticked(ticked)
        case Message(checklist_tasks_added=added) if added is not None:
            return f"added to the checklist: {_quoted(task.text for task in added.tasks)}"
        case Message(poll_option_added=option) if option is not None:
            return f"added an answer to the poll: {_quoted([option.option_text])}"
        case Message(poll_option_deleted=option) if option is not None:
            return f"removed an answer from the poll: {_quoted([option.option_text])}"
        case _:
            return ""


def _ticked(ticked: Ticked) -> str:
    about = ticked.checklist_message
    tasks = about.checklist.tasks if about is not None and about.checklist is not None else ()
    parts = [
        f"{what} {_named(numbers, tasks)}"
        for what, numbers in (
            ("ticked off", ticked.marked_as_done_task_ids),
            ("took back", ticked.marked_as_not_done_task_ids),
        )
        if numbers
    ]
    return " and ".join(parts) or "changed the checklist"


def _named(numbers: tuple[int, ...], tasks: tuple[Task, ...]) -> str:
    known = {task.id: task.text for task in tasks}
    named = [known[number] for number in numbers if number in known]
    return _quoted(named) if named else f"{len(numbers)} of the checklist"


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f"“{clean_name(text)}”" for text in texts)
