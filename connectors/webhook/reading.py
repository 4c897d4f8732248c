"""What a request says to a hook's room: read by the hook's template or by a format, and let through by its filters.

Pure. Called by :mod:`.inbound`, for what comes in and for what is replayed.
"""

import logging
from functools import lru_cache

import msgspec

from bridge.core.content import Kind
from connectors.webhook import formats
from connectors.webhook.config import HookSettings
from connectors.webhook.custom import Custom, TemplateSettings
from connectors.webhook.filters import skipped
from connectors.webhook.formats import Answered
from connectors.webhook.posting import Ignored, Posting
from connectors.webhook.submission import Submission
from connectors.webhook.templates import TemplateFailed

log = logging.getLogger(__name__)


def read(settings: HookSettings, submission: Submission, *, asked: str = "") -> tuple[Posting | Ignored, Answered]:
    """Return what a request says, and how its sender wants to be answered; ``asked`` is the format that the URL names.

    Raises: Malformed. A template that fails says nothing, since no retry could help: the log names it.
    """
    form = asked or settings.format or formats.recognised(submission).name
    answered = formats.FORMATS[form].answered
    if settings.template is not None and not asked:
        said = _by_template(settings.template, submission)
    else:
        said = formats.read(submission, format=form)
    if isinstance(said, Posting) and (why := skipped(settings.filters, said, submission.fields)):
        return Ignored(reason=why, event=said.event, delivery=said.delivery), answered
    return _quiet(said), answered


def _quiet(said: Posting | Ignored) -> Posting | Ignored:
    """Turn what is to wake nobody into a notice: that is what networks have for it."""
    if isinstance(said, Ignored) or not said.silent or said.content.kind is not Kind.TEXT:
        return said
    return msgspec.structs.replace(said, content=msgspec.structs.replace(said.content, kind=Kind.NOTICE))


def _by_template(template: TemplateSettings, submission: Submission) -> Posting | Ignored:
    try:
        return _custom(template).read(submission)
    except TemplateFailed as failure:
        log.warning("webhook.template_failed %s", failure)
        return Ignored(reason=f"the template failed: {failure}")


@lru_cache(maxsize=256)
def _custom(template: TemplateSettings) -> Custom:
    return Custom(template)
