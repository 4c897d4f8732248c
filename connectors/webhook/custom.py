"""A format of an operator's own: templates that say what a delivery says. Called by the connector for hooks with ``template``.

The templates see the fields of the body by their names, and ``body`` (all of it), ``headers``, ``query`` and ``text``. One that
writes nothing but blanks says nothing: the delivery is taken, and ignored.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.webhook.draft import Draft, one_line, web_url
from connectors.webhook.markup import MARKDOWN, write
from connectors.webhook.posting import Ignored, Posting
from connectors.webhook.submission import Submission
from connectors.webhook.templates import Template, TemplateFailed, TemplateMistake


class TemplateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a hook says, in templates (Jinja2)."""

    text: str
    """What is said, in Markdown."""
    name: str = ""
    """Who says it."""
    avatar: str = ""
    """URL of their picture."""
    event: str = ""
    """What kind of thing happened, for filters."""
    branch: str = ""
    """The branch, for filters."""
    severity: str = ""
    """How bad it is, for filters."""
    edit_key: str = ""
    """What belongs together: a later delivery with the same key corrects the message, or answers it."""
    closes: str = ""
    """"true" where the key is done with: the next delivery with it is a new message."""
    thread: str = ""
    """Messages with the same name belong together."""
    id: str = ""
    """The sender's id of the delivery: when it comes again it is not said again."""
    sample: str = ""
    """A body as it is sent, in JSON: with it the templates are tried before they are used."""

    def __post_init__(self) -> None:
        """Refuse templates that cannot be used, each with its key."""
        custom = Custom(self)
        if self.sample:
            custom.try_on(self.sample)


class Custom:
    """The templates of one hook, found good."""

    def __init__(self, settings: TemplateSettings) -> None:
        """Compile them. Raises: ValueError, with the key of the template that cannot be used."""
        self._templates: dict[str, Template] = {}
        for name in TemplateSettings.__struct_fields__:
            source = getattr(settings, name)
            if not source or name == "sample":
                continue
            try:
                self._templates[name] = Template(source)
            except TemplateMistake as mistake:
                msg = f"{name}: {mistake}"
                raise ValueError(msg) from None

    def try_on(self, sample: str) -> Posting | Ignored:
        """Read a sample. Raises: ValueError, with the key of what failed."""
        try:
            fields = msgspec.json.decode(sample)
        except msgspec.DecodeError as error:
            msg = f"sample: found no JSON ({error}), expected a body as it is sent"
            raise ValueError(msg) from None
        submission = Submission(method="POST", headers={}, query={}, body=sample.encode(), fields=fields)
        try:
            return self.read(submission)
        except TemplateFailed as failure:
            msg = f"sample: {failure}"
            raise ValueError(msg) from None

    def read(self, submission: Submission) -> Posting | Ignored:
        """Return what a delivery says. Raises: TemplateFailed, with the key of the template."""
        values = _values(submission)
        text = self._rendered("text", values)
        event = one_line(self._rendered("event", values), 100)
        delivery = one_line(self._rendered("id", values), 200)
        draft = Draft()
        write(draft, text.strip("\n"), MARKDOWN)
        content = draft.content(attachments=submission.files)
        if not content.text.strip():
            return Ignored(reason="the template says nothing", event=event, delivery=delivery)
        return Posting(
            content=content,
            name=one_line(self._rendered("name", values), 80),
            avatar=web_url(self._rendered("avatar", values)),
            event=event,
            branch=one_line(self._rendered("branch", values), 200),
            severity=one_line(self._rendered("severity", values), 50),
            edit_key=one_line(self._rendered("edit_key", values), 200),
            closes=self._rendered("closes", values).strip().lower() in {"true", "yes", "1"},
            thread=one_line(self._rendered("thread", values), 200),
            delivery=delivery,
        )

    def _rendered(self, name: str, values: Mapping[str, Any]) -> str:
        template = self._templates.get(name)
        if template is None:
            return ""
        try:
            return template.render(values)
        except TemplateFailed as failure:
            msg = f"{name}: {failure}"
            raise TemplateFailed(msg) from None


def _values(submission: Submission) -> dict[str, Any]:
    fields = submission.fields if isinstance(submission.fields, dict) else {}
    return {str(name): value for name, value in fields.items()} | {
        "body": submission.fields,
        "headers": submission.headers,
        "query": submission.query,
        "text": fields.get("text", submission.text),
    }
