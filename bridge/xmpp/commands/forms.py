"""Forms and answers of commands as stanzas: XEP-0004, with the data types of XEP-0122 and the notes of XEP-0050.

Called by ``adhoc``.
"""

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element

import msgspec

from bridge.core.commands import Answer, Field, Form, Sort, Table, cut, written
from bridge.core.dialogue import Stuck
from bridge.core.fields import Wrong
from bridge.xmpp.wire import namespaces as ns
from bridge.xmpp.wire import stanzas

LARGEST: Final = 100_000
"""Characters of an answer: servers refuse stanzas of more than some 256 kB, and the stream with them."""
MOST_VALUES: Final = 1_000
_FORM = f"{{{ns.DATA}}}x"
_FIELD = f"{{{ns.DATA}}}field"
_VALUE = f"{{{ns.DATA}}}value"
_TYPES: Final = {
    Sort.TEXT: "text-single",
    Sort.LINES: "text-multi",
    Sort.SECRET: "text-private",
    Sort.NUMBER: "text-single",
    Sort.FLAG: "boolean",
    Sort.CHOICE: "list-single",
    Sort.LIST: "text-multi",
    Sort.JID: "jid-single",
    Sort.JIDS: "jid-multi",
    Sort.NICK: "text-single",
    Sort.DURATION: "text-single",
    Sort.TABLE: "text-multi",
}
_SEVERAL: Final = frozenset({Sort.LINES, Sort.LIST, Sort.JIDS, Sort.TABLE})


def form(shown: Form, given: dict[str, object], *, wrong: Sequence[Wrong] = ()) -> str:
    """Return a form to be filled in, with what was given before and is wrong with it; a secret is not sent back.

    What is wrong stands above it, too: not every client shows notes beside a form.
    """
    inner = stanzas.element("title", words=shown.title)
    labels = _labels(shown)
    instructions = "\n".join([*(_said(each, labels) for each in wrong), *filter(None, [shown.instructions])])
    if instructions:
        inner += stanzas.element("instructions", words=instructions)
    if shown.form_type:
        inner += _hidden(shown.form_type)
    inner += "".join(_field(field, given.get(field.name)) for field in shown.fields)
    return stanzas.element("x", ns.DATA, attrs={"type": "form"}, children=inner)


def submitted(payload: Element, shown: Form) -> dict[str, object] | None:
    """Return what was filled in, by the names of fields; None where there is no form that was filled in.

    A field that the form does not have is left alone (XEP-0004 section 3.2).
    """
    found = payload.find(_FORM)
    if found is None:
        return {} if not shown.fields else None
    if found.get("type") not in ("submit", "cancel"):  # section 3.4.1 of XEP-0050: cancel is taken for submit
        return None
    by_var = {field.var or field.name: field for field in shown.fields}
    given: dict[str, object] = {}
    for element in found.iterfind(_FIELD):
        field = by_var.get(element.get("var", ""))
        if field is not None:
            values = [value.text or "" for value in element.iterfind(_VALUE)]
            given[field.name] = values if field.sort in _SEVERAL else "".join(values[:1])
    return given


def complaints(stuck: Stuck) -> str:
    """Return a note for each field that is wrong."""
    labels = _labels(stuck.form)
    return "".join(_note("error", _said(each, labels)) for each in stuck.wrong)


def answer(done: Answer, *, title: str, form_type: str = "") -> str:
    """Return notes with what is said, and a form with what is listed, in a stanza that no server finds too large.

    What is listed stands there as lines, too: not every client shows items, nor notes beside a form.
    """
    if done.table is None and not done.form:
        return _notes(done, written(msgspec.structs.replace(done, remark=""), most=LARGEST // 4), done.remark)
    table, left = cut(done.table, most=LARGEST // 8) if done.table is not None else (None, 0)
    more = f"{left} more are not shown here" if left else ""
    notes = _notes(done, done.text, "; ".join(filter(None, (done.remark, more))))
    inner = stanzas.element("title", words=title)
    if done.form:
        inner += _hidden(form_type) if form_type else ""
        inner += "".join(_lines(var, var, values) for var, values in done.form.items())
    if table is not None:
        inner += _lines("text", title, str(table).splitlines())
        inner += _items(table) if not done.form else ""
    return notes + stanzas.element("x", ns.DATA, attrs={"type": "result"}, children=inner)


def _notes(done: Answer, words: str, remark: str) -> str:
    notes = _note("info" if done.why is None else "error", words) if words else ""
    return notes + (_note("warn", remark) if remark else "")


def _labels(shown: Form) -> dict[str, str]:
    return {field.name: field.label for field in shown.fields}


def _said(wrong: Wrong, labels: dict[str, str]) -> str:
    label = labels.get(wrong.field, "")
    if not label or label.casefold() == wrong.field:
        return str(wrong)
    return f"{label} ({wrong.field}): {wrong.reason}"


def _note(kind: str, words: str) -> str:
    return stanzas.element("note", attrs={"type": kind}, words=words)


def _hidden(form_type: str) -> str:
    value = stanzas.element("value", words=form_type)
    return stanzas.element("field", attrs={"var": "FORM_TYPE", "type": "hidden"}, children=value)


def _field(field: Field, given: object) -> str:
    inner = stanzas.element("desc", words=field.description) if field.description else ""
    inner += "<required/>" if field.required else ""
    inner += "".join(stanzas.element("value", words=value) for value in _values(field, given))
    for value, label in field.choices.items():
        inner += stanzas.element("option", attrs={"label": label}, children=stanzas.element("value", words=value))
    inner += _data_type(field)
    attrs = {"var": field.var or field.name, "type": _TYPES[field.sort], "label": field.label}
    return stanzas.element("field", attrs=attrs, children=inner)


def _values(field: Field, given: object) -> list[str]:
    """Return what stands in a field when it is shown."""
    if field.sort is Sort.SECRET or field.hidden:
        return []
    if isinstance(given, list):
        return [str(each) for each in given]
    if isinstance(given, str):
        return given.splitlines() if field.sort in _SEVERAL else [given]
    if field.sort is Sort.FLAG:
        return ["true" if (field.value or field.default) in ("true", "yes", "1") else "false"]
    now = field.default if field.value is None else field.value
    return now.splitlines() if field.sort in _SEVERAL else [now] if now else []


def _data_type(field: Field) -> str:
    if field.sort is not Sort.NUMBER:
        return ""
    bounds = {"min": field.least, "max": field.most}
    attrs = {name: str(bound) for name, bound in bounds.items() if bound is not None}
    inner = stanzas.element("range", attrs=attrs) if attrs else stanzas.element("basic")
    return stanzas.element("validate", ns.VALIDATE, attrs={"datatype": "xs:integer"}, children=inner)


def _lines(var: str, label: str, values: Sequence[str]) -> str:
    children = "".join(stanzas.element("value", words=value) for value in values[:MOST_VALUES])
    kind = "text-multi" if len(values) != 1 else "text-single"
    return stanzas.element("field", attrs={"var": var, "type": kind, "label": label}, children=children)


def _items(table: Table) -> str:
    """Return rows as several items (XEP-0004 section 3.4)."""
    names = [column.casefold().replace(" ", "-") for column in table.columns]
    heads = zip(names, table.columns, strict=True)
    reported = "".join(stanzas.element("field", attrs={"var": var, "label": label}) for var, label in heads)
    inner = stanzas.element("reported", children=reported)
    for row in table.rows:
        cells = zip(names, row, strict=True)
        fields = (
            stanzas.element("field", attrs={"var": var}, children=stanzas.element("value", words=cell))
            for var, cell in cells
        )
        inner += stanzas.element("item", children="".join(fields))
    return inner
