"""Templates write what they should, and none of them holds anything up, gets out of its box, or is saved without a trial."""

import json

import msgspec
import pytest

from bridge.connector import Request
from connectors.webhook.custom import Custom, TemplateSettings
from connectors.webhook.posting import Ignored, Posting
from connectors.webhook.submission import Submission, opened
from connectors.webhook.templates import LONGEST_OUTPUT, Template, TemplateFailed, TemplateMistake
from tests.support.deliveries import shown

VALUES = {
    "name": "quay-4",
    "level": 4.25,
    "tags": ["sea", "West", "sea"],
    "who": {"name": "Frida", "mail": None},
    "boats": [{"name": "Hiiu", "late": True}, {"name": "Muhu", "late": False}],
    "at": 1_700_000_000,
    "odd": {"update": 5, "items": 6},
}
WRITES = {
    "a value": ("{{ name }} at {{ level }}", "quay-4 at 4.25"),
    "a value inside": ("{{ who.name }}{{ who['name'] }}{{ boats[1].name }}", "FridaFridaMuhu"),
    "a field that is named like a method": ("{{ odd.update }} {{ odd['items'] }} {{ odd.items()|length }}", "5 6 2"),
    "what is missing": ("[{{ nothing }}{{ nothing.at.all }}{{ who.mail.x }}]", "[]"),
    "a default": ("{{ nothing|default('calm') }}", "calm"),
    "a condition": ("{% if level > 4 %}high{% else %}low{% endif %}", "high"),
    "a loop": ("{% for b in boats if b.late %}{{ loop.index }}. {{ b.name }}{% endfor %}", "1. Hiiu"),
    "a loop over pairs": ("{% for k, v in who.items() %}{{ k }}={{ v }};{% endfor %}", "name=Frida;mail=None;"),
    "its length": ("{% for b in boats %}{{ loop.length }}{% endfor %}", "22"),
    "loops in loops": ("{% for a in tags %}{% for b in boats %}{{ b.name[0] }}{% endfor %}{% endfor %}", "HMHMHM"),
    "filters": ("{{ tags|unique|sort|join(', ') }} {{ name|upper|replace('-', ' ') }}", "sea, West QUAY 4"),
    "map and select": ("{{ boats|selectattr('late')|map(attribute='name')|first }}", "Hiiu"),
    "JSON": ("{{ who|tojson }}", '{"name":"Frida","mail":null}'),
    "numbers": ("{{ (level * 2)|round(1) }} {{ 7 // 2 }} {{ level|int + 1 }}", "8.5 3 5"),
    "texts": ("{{ 'a' ~ level ~ 'b' }} {{ name + '!' }}", "a4.25b quay-4!"),
    "methods": ("{{ name.split('-')[1] }} {{ name.startswith('q') }} {{ who.get('x', 'y') }}", "4 True y"),
    "a date": ("{{ at|date }} {{ 'today'|date }}", "2023-11-14T22:13:20Z today"),
    "indented": ("{{ 'a\nb'|indent(2) }}", "a\n  b"),
    "set": ("{% set x = 5 %}{{ x + 1 }}", "6"),
    "a table": ("{% if name in ['quay-4', 'quay-5'] %}ours{% endif %}", "ours"),
    "blanks of statements": ("a\n  {% if true %}\nb\n  {% endif %}\nc", "a\nb\nc"),
    "no HTML is made of it": ("{{ '<b>&' }}", "<b>&"),
}


@pytest.mark.parametrize(("source", "wanted"), WRITES.values(), ids=WRITES)
def test_a_template_writes(source, wanted):
    assert Template(source).render(VALUES) == wanted


ENDLESS = {
    "loops": "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{% endfor %}{% endfor %}{% endfor %}",
    "a very long range": "{% for a in range(999999999999) %}{% endfor %}",
    "texts that double": "{% set a = 'aaaaaaaaaaaaaaaa' %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
    "texts that double by +": "{% set a = 'aaaaaaaaaaaaaaaa' %}" + "{% set a = a + a %}" * 60 + "{{ a }}",
    "lists that double": "{% set a = tags %}" + "{% set a = a + a %}" * 60 + "{{ a|length }}",
    "lists in lists": "{% set a = [big, big] %}" + "{% set a = [a, a, a, a] %}" * 30 + "{{ a }}",
    "lists in lists, as JSON": "{% set a = [big, big] %}" + "{% set a = [a, a, a, a] %}" * 30 + "{{ a|tojson|length }}",
    "lists in lists, sorted": "{% set a = [big, big] %}" + "{% set a = [a, a, a, a] %}" * 30 + "{{ a|sort }}",
    "one text many times": "{{ [" + "big," * 4_000 + "]|join }}",
    "numbers that square": "{% set a = 99999999 %}" + "{% set a = a * a %}" * 40 + "{{ a }}",
    "a power": "{{ 9 ** 9 ** 9 }}",
    "a text times a number": "{{ 'a' * 1000000000 }}",
    "padding by formatting": "{{ '%1000000000d' % 1 }}",
    "padding by format": "{{ '{:>1000000000}'.format(1) }}",
    "padding by a method": "{{ 'a'.ljust(1000000000) }}",
    "replacing by much": "{% set a = big %}" + "{% set a = a|replace('x', a) %}" * 10 + "{{ a }}",
    "replacing nothing": "{{ big|replace('', big) }}",
    "map over much": "{% for a in range(9999) %}{{ (many|map('upper')|list)[0] }}{% endfor %}",
}


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_no_template_takes_for_ever(source):
    with pytest.raises(TemplateFailed) as failed:
        Template(source).render(VALUES | {"big": "x" * 100_000, "many": ["y"] * 10_000}, clock=lambda: 0.0)
    assert "x" * 10 not in str(failed.value)


def test_a_template_is_over_when_its_time_is():
    ticks = iter(range(1_000_000))
    with pytest.raises(TemplateFailed, match="takes too long"):
        Template("{% for a in range(9999) %}{% endfor %}").render({}, clock=lambda: next(ticks) / 10)


def test_what_is_too_long_is_cut():
    written = Template("{% for a in range(9999) %}0123456789{% endfor %}").render({})
    assert len(written) == LONGEST_OUTPUT
    assert written.endswith("…")


OUTSIDE = {
    "classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "classes by name": "{{ ''['__class__'] }}",
    "classes by a filter": "{{ ''|attr('__class__') }}",
    "functions": "{{ ''.split.__globals__ }}",
    "the loop": "{% for a in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
    "the environment": "{{ self._TemplateReference__context }}",
    "the namespace": "{{ lipsum.__globals__ }}{{ cycler }}{{ joiner }}",
    "changing what it is given": "{{ tags.append(5) }}",
    "clearing what it is given": "{{ who.clear() }}",
    "pprint": "{{ tags|pprint }}",
}


@pytest.mark.parametrize("source", OUTSIDE.values(), ids=OUTSIDE)
def test_a_template_does_not_get_out(source):
    values = json.loads(json.dumps(VALUES))
    try:
        written = Template(source).render(values)
    except (TemplateFailed, TemplateMistake):
        written = ""
    assert written.strip("[]()") == ""
    assert values == VALUES


MISTAKES = {
    "an open brace": ("{{ name", "line 1: "),
    "an open block": ("a\n{% if x %}\nb", "line 3: "),
    "an unknown filter": ("{{ name|shout }}", 'line 1: no filter "shout"'),
    "an unknown tag": ("\n{% shout %}", "line 2: Encountered unknown tag 'shout'"),
    "a macro": ("{% macro m() %}{{ m() }}{% endmacro %}", "line 1: macros are not there"),
    "an import": ("{% import 'x' as y %}", "line 1: imports are not there"),
    "an inclusion": ("{% include 'x' %}", "line 1: inclusion are not there"),
    "a base": ("{% extends 'x' %}", "line 1: inheritance are not there"),
    "a recursive loop": ("{% for a in b recursive %}{{ loop(a) }}{% endfor %}", "line 1: recursive loops are not there"),
    "many loops": ("{% for a in b %}" * 4 + "{% endfor %}" * 4, "line 1: loops in loops in loops"),
    "a very long one": ("x" * 20_001, "line 1: a template of 20001 characters"),
    "very many brackets": ("{{ " + "(" * 5_000 + ")" * 5_000 + " }}", "line 1: "),
}  # fmt: skip


@pytest.mark.parametrize(("source", "why"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_with_its_line(source, why):
    with pytest.raises(TemplateMistake) as mistake:
        Template(source)
    assert str(mistake.value).startswith(why)
    assert "\n" not in str(mistake.value)


FAILS = {
    "a number of a text": "{{ name - 1 }}",
    "a call of nothing": "{{ nothing() }}",
    "division by zero": "{{ 1 / 0 }}",
    "no order": "{{ [1, 'a']|sort }}",
    "a loop over a number": "{% for a in level %}{% endfor %}",
}


@pytest.mark.parametrize("source", FAILS.values(), ids=FAILS)
def test_a_failure_is_one_line_without_values(source):
    with pytest.raises(TemplateFailed) as failed:
        Template(source).render(VALUES)
    assert "\n" not in str(failed.value)
    assert "quay" not in str(failed.value)


def body(fields) -> Submission:
    sent = json.dumps(fields).encode()
    headers = (("content-type", "application/json"), ("x-kind", "tide"))
    return opened(
        Request(method="POST", path="/hooks/1/x", query="a=b", headers=headers, body=sent, remote="192.0.2.7")
    )


def test_an_operators_own_format_reads_every_facet():
    custom = Custom(
        TemplateSettings(
            text="**{{ name }}**: [{{ level }} m]({{ url }}) {{ headers['x-kind'] }}{{ query.a }}",
            name="Tide at {{ name }}",
            avatar="https://tide.example/{{ name }}.png",
            event="{{ kind }}",
            branch="b",
            severity="{% if level > 4 %}critical{% else %}ok{% endif %}",
            edit_key="tide:{{ name }}",
            closes="{{ level < 4 }}",
            thread="tide",
            id="{{ body.number }}",
        )
    )
    read = custom.read(
        body({"name": "quay-4", "level": 4.2, "url": "https://tide.example", "kind": "tide", "number": 7})
    )
    assert isinstance(read, Posting)
    assert shown(read.content) == "<bold>quay-4</>: <link https://tide.example>4.2 m</> tideb"
    facets = (read.name, read.avatar, read.event, read.branch, read.severity, read.edit_key, read.thread, read.delivery)
    avatar = "https://tide.example/quay-4.png"
    assert facets == ("Tide at quay-4", avatar, "tide", "b", "critical", "tide:quay-4", "tide", "7")
    assert not read.closes


def test_a_template_that_says_nothing_ignores_the_delivery():
    custom = Custom(TemplateSettings(text="\n{% if false %}x{% endif %} \n", event="calm"))
    assert custom.read(body({})) == Ignored(reason="the template says nothing", event="calm")


def test_a_body_that_is_a_list_is_read_by_its_name():
    assert Custom(TemplateSettings(text="{{ body[0].a }}")).read(body([{"a": 5}])).content.text == "5"


REFUSED = {
    "a mistake": ({"text": "x", "edit_key": "{{ x"}, "edit_key: line 1: "),
    "a sample that is no JSON": ({"text": "x", "sample": "{"}, "sample: found no JSON"),
    "a sample that fails": ({"text": "{{ a - 1 }}", "sample": '{"a": "x"}'}, "sample: text: "),
    "no text": ({"name": "x"}, "Object missing required field `text`"),
}


@pytest.mark.parametrize(("keys", "why"), REFUSED.values(), ids=REFUSED)
def test_templates_are_tried_before_they_are_kept(keys, why):
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.convert(keys, TemplateSettings)
    assert str(refused.value).startswith(why)


def test_templates_that_work_on_their_sample_are_kept():
    sample = '{"a": 5}'
    assert msgspec.convert({"text": "{{ a - 1 }}", "sample": sample}, TemplateSettings).sample == sample
