"""What services post, and how it reads in a room: one module each, and this list of them.

A format is named by a hook, or recognises its own deliveries: by a header that only this service sends, or by the shape of
the body. The list is asked from top to bottom, so what looks like something else stands before it: Gitea sends GitHub's
headers too. The last reads everything. How to add one: ``docs/developers/writing-a-webhook-format.md``.

Pure. Called by the connector for each delivery that was let in, and by whoever tries a sample.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

import msgspec

from bridge.core.ids import digest
from connectors.webhook.draft import one_line
from connectors.webhook.formats import (
    alertmanager,
    apprise,
    discord,
    generic,
    gitea,
    github,
    gitlab,
    grafana,
    jenkins,
    mattermost,
    ntfy,
    sentry,
    slack,
    uptime_kuma,
)
from connectors.webhook.posting import Ignored, Posting
from connectors.webhook.submission import Submission

_LONGEST_KEY: Final = 200
"""Characters of a key or a thread."""


class Answered(StrEnum):
    """What a sender of this format expects to be told."""

    ID = "id"  # 202 {"id": …}
    OK = "ok"  # 200 ok, as text
    DISCORD = "discord"  # 204, or 200 with the message where the query says wait=true


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """How one service's deliveries are recognised and read."""

    name: str  # in the configuration
    title: str  # for people; who speaks where nothing else says so
    recognises: Callable[[Submission], bool]
    read: Callable[[Submission], Posting | Ignored]  # raises Malformed
    answered: Answered = Answered.ID


_ALL: Final = (
    Format(name="gitea", title="Gitea", recognises=gitea.recognises, read=gitea.read),
    Format(name="github", title="GitHub", recognises=github.recognises, read=github.read),
    Format(name="gitlab", title="GitLab", recognises=gitlab.recognises, read=gitlab.read),
    Format(name="sentry", title="Sentry", recognises=sentry.recognises, read=sentry.read),
    Format(name="grafana", title="Grafana", recognises=grafana.recognises, read=grafana.read),
    Format(name="alertmanager", title="Alertmanager", recognises=alertmanager.recognises, read=alertmanager.read),
    Format(name="uptime-kuma", title="Uptime Kuma", recognises=uptime_kuma.recognises, read=uptime_kuma.read),
    Format(name="jenkins", title="Jenkins", recognises=jenkins.recognises, read=jenkins.read),
    Format(name="apprise", title="Apprise", recognises=apprise.recognises, read=apprise.read),
    Format(
        name="discord", title="Discord", recognises=discord.recognises, read=discord.read, answered=Answered.DISCORD
    ),
    Format(
        name="mattermost",
        title="Mattermost",
        recognises=mattermost.recognises,
        read=mattermost.read,
        answered=Answered.OK,
    ),
    Format(name="slack", title="Slack", recognises=slack.recognises, read=slack.read, answered=Answered.OK),
    Format(name="ntfy", title="ntfy", recognises=ntfy.recognises, read=ntfy.read),
    Format(name="generic", title="Webhook", recognises=generic.recognises, read=generic.read),
)

FORMATS: Final = {each.name: each for each in _ALL}
"""By name, in the order in which they are asked."""


def recognised(submission: Submission) -> Format:
    """Return the first format that takes this for its own; ``generic`` takes everything."""
    return next(each for each in _ALL if each.recognises(submission))


def read(submission: Submission, *, format: str = "") -> Posting | Ignored:  # noqa: A002 - the word of the configuration
    """Return what a delivery says, read as the format of this name, or as the one that recognises it.

    Raises: Malformed, and KeyError for a name that is none of :data:`FORMATS`.
    """
    chosen = FORMATS[format] if format else recognised(submission)
    found = chosen.read(submission)
    if isinstance(found, Ignored):
        return found
    return msgspec.structs.replace(
        found,
        service=found.service or chosen.title,
        thread=one_line(found.thread, _LONGEST_KEY),
        edit_key=_short(found.edit_key),
        delivery=_short(found.delivery),
    )


def _short(key: str) -> str:
    """Return a key that fits into a store: a long one by what stands for it."""
    return key if len(key) <= _LONGEST_KEY and key.isprintable() else digest(key)
