"""Templates of operators: Jinja2 in its sandbox, with bounds on time, memory and output that no template gets around.

A template costs fuel: each step of a loop, each call, each operation, and each element or character that one of these goes
over. When it is used up, or the time is over, rendering ends with a clear failure. So an endless or exponential template
cannot hold up anybody, and no thread or process has to be killed. What would need more than counting is not there: macros,
imports, inclusion, recursion, methods that pad, and filters other than those listed in :data:`FILTERS`.

Only this module imports Jinja2. Called for hooks with templates (:mod:`.custom`) and for endpoints with a body of their own.
"""

import operator
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextvars import ContextVar
from typing import Any, Final

import jinja2
import jinja2.filters
import jinja2.nodes
import jinja2.sandbox
import msgspec

LONGEST_SOURCE: Final = 20_000
LONGEST_OUTPUT: Final = 32_768
"""Characters; what a template writes beyond is cut off."""
FUEL: Final = 1_000_000
SECONDS: Final = 0.2
_DEEPEST_LOOPS: Final = 3
_LONGEST_STRING: Final = 1_048_576
_LARGEST_NUMBER: Final = 1 << 256

FILTERS: Final = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "groupby", "int", "items", "join", "last",
    "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "round", "select", "selectattr", "sort",
    "string", "sum", "title", "tojson", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
)  # fmt: skip
"""Those of Jinja2 that only go over what they are given; ``replace``, ``indent`` and ``date`` are ours."""
_SHALLOW: Final = {
    "abs",
    "count",
    "d",
    "default",
    "first",
    "float",
    "int",
    "items",
    "last",
    "length",
    "list",
    "map",
    "reject",
    "rejectattr",
    "reverse",
    "round",
    "select",
    "selectattr",
}
"""Those that do not look into the elements; all others pay for everything that is inside."""
_METHODS: Final[dict[type, set[str]]] = {
    str: {"capitalize", "count", "endswith", "find", "isdigit", "lower", "lstrip", "partition", "removeprefix", "removesuffix",
          "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper"},
    dict: {"get", "items", "keys", "values"},
    list: {"count", "index"},
}  # fmt: skip
_FORBIDDEN: Final = {
    jinja2.nodes.Macro: "macros",
    jinja2.nodes.CallBlock: "call blocks",
    jinja2.nodes.Import: "imports",
    jinja2.nodes.FromImport: "imports",
    jinja2.nodes.Include: "inclusion",
    jinja2.nodes.Extends: "inheritance",
    jinja2.nodes.Block: "blocks",
    jinja2.nodes.FilterBlock: "filter blocks",
    jinja2.nodes.AssignBlock: "assignment of blocks",
    jinja2.nodes.NSRef: "namespaces",
}


class TemplateMistake(ValueError):
    """A template that cannot be used: one line with its line and what is wrong."""


class TemplateFailed(Exception):
    """A template could not be rendered with these values: one line, without any of them."""


class _Meter:
    """What one rendering may still use."""

    def __init__(self, fuel: int, over: float, clock: Callable[[], float]) -> None:
        self.fuel = fuel
        self.over = over
        self.clock = clock
        self.calls = 0

    def take(self, amount: int = 1) -> None:
        """Use fuel. Raises: TemplateFailed."""
        self.fuel -= amount
        self.calls += 1
        if self.fuel < 0:
            msg = "it takes too many steps"
            raise TemplateFailed(msg)
        if self.calls % 64 == 0 and self.clock() > self.over:
            msg = "it takes too long"
            raise TemplateFailed(msg)


_METER: ContextVar[_Meter] = ContextVar("meter")


def _weigh(*values: Any) -> None:
    """Use as much fuel as these values are long: a hundred characters count as one element."""
    for value in values:
        _METER.get().take(_weight(value))


def _weigh_all(*values: Any) -> None:
    """Use as much fuel as there is in these values, on all levels; what stands in them twice counts twice."""
    meter = _METER.get()
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        meter.take(_weight(value))
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple):
            waiting += value


def _weight(value: Any) -> int:
    if isinstance(value, str):
        return 1 + len(value) // 100
    return 1 + len(value) if isinstance(value, Sized) else 1


def _checked(value: Any) -> Any:
    """Return a value that is not too large. Raises: TemplateFailed."""
    if isinstance(value, str) and len(value) > _LONGEST_STRING:
        msg = "it makes a text that is too long"
        raise TemplateFailed(msg)
    if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
        msg = "it makes a number that is too large"
        raise TemplateFailed(msg)
    return value


def _stepped(values: Any) -> Iterator[Any]:
    """Yield what a loop goes over; each step is paid for."""
    if isinstance(values, jinja2.Undefined):
        return
    for value in values:
        _METER.get().take()
        yield value


class _Sandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """Jinja2's sandbox, where everything costs; Jinja2 asks for these methods by their names."""

    intercepted_binops = frozenset(jinja2.sandbox.SandboxedEnvironment.default_binop_table)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ARG002
        _weigh(left, right)
        both = isinstance(left, int | float) and isinstance(right, int | float)
        joined = operator == "+" and type(left) is type(right) and isinstance(left, str | list)
        if not both and not joined:
            msg = f'"{operator}" is for numbers{", texts and lists" if operator == "+" else ""}'
            raise TemplateFailed(msg)
        if operator == "**":
            msg = "powers are not there"
            raise TemplateFailed(msg)
        return _checked(self.binop_table[operator](left, right))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return the field of a body by its name, whatever methods a dict has: ``release.update`` is a field."""
        if isinstance(obj, dict) and attribute in obj and attribute not in _METHODS[dict]:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, jinja2.runtime.LoopContext):
            return not attr.startswith("_")
        allowed = next((names for kind, names in _METHODS.items() if isinstance(obj, kind)), set[str]())
        return attr in allowed and bool(super().is_safe_attribute(obj, attr, value))

    def wrap_str_format(self, value: Any) -> None:
        """Let no text be formatted: a width is memory, and nothing could be counted."""

    def call(self, context: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:
        _weigh(getattr(obj, "__self__", None), *args)
        return _checked(super().call(context, obj, *args, **kwargs))


class Template:
    """A template that was found good."""

    def __init__(self, source: str) -> None:
        """Compile it. Raises: TemplateMistake."""
        if len(source) > LONGEST_SOURCE:
            msg = f"line 1: a template of {len(source)} characters, expected at most {LONGEST_SOURCE}"
            raise TemplateMistake(msg)
        try:
            tree = _ENVIRONMENT.parse(source)
            _check(tree)
            self._template = _ENVIRONMENT.from_string(_metered(tree))
        except jinja2.TemplateSyntaxError as error:
            msg = f"line {error.lineno}: {_one_line(error.message)}"
            raise TemplateMistake(msg) from None
        except RecursionError:
            msg = "line 1: it is nested too deeply"
            raise TemplateMistake(msg) from None

    def render(
        self, values: Mapping[str, Any], *, fuel: int = FUEL, clock: Callable[[], float] = time.monotonic
    ) -> str:
        """Return what the template writes with these values, cut at its longest. Raises: TemplateFailed."""
        token = _METER.set(_Meter(fuel, clock() + SECONDS, clock))
        try:
            return _gathered(self._template.generate(values))
        except jinja2.TemplateError as error:
            raise TemplateFailed(_one_line(error.message)) from None
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
            raise TemplateFailed(f"{type(error).__name__}, from a value of another kind than it expects") from None
        finally:
            _METER.reset(token)


def _gathered(pieces: Iterable[str]) -> str:
    found, room = [], LONGEST_OUTPUT
    for piece in pieces:
        _METER.get().take()
        if len(piece) > room:
            found += [piece[: room - 1], "…"]
            break
        found.append(piece)
        room -= len(piece)
    return "".join(found)


def _one_line(words: str | None) -> str:
    return " ".join((words or "it cannot be rendered").split())[:300]


def _check(tree: jinja2.nodes.Template) -> None:
    """Refuse what cannot be bounded. Raises: TemplateSyntaxError."""
    for node in tree.find_all(jinja2.nodes.Node):
        for kind, name in _FORBIDDEN.items():
            if isinstance(node, kind):
                msg = f"{name} are not there"
                raise jinja2.TemplateSyntaxError(msg, node.lineno)
        if isinstance(node, jinja2.nodes.For) and node.recursive:
            msg = "recursive loops are not there"
            raise jinja2.TemplateSyntaxError(msg, node.lineno)
        if isinstance(node, jinja2.nodes.Filter) and node.name not in _ENVIRONMENT.filters:
            msg = f'no filter "{node.name}"'
            raise jinja2.TemplateSyntaxError(msg, node.lineno)
    _check_loops(tree, depth=0)


def _check_loops(node: jinja2.nodes.Node, *, depth: int) -> None:
    depth += isinstance(node, jinja2.nodes.For)
    if depth > _DEEPEST_LOOPS:
        msg = f"loops in loops in loops, expected at most {_DEEPEST_LOOPS} levels"
        raise jinja2.TemplateSyntaxError(msg, node.lineno)
    for child in node.iter_child_nodes():
        _check_loops(child, depth=depth)


def _metered(tree: jinja2.nodes.Template) -> jinja2.nodes.Template:
    """Return the template with a meter at every loop and every ``~``."""
    for loop in tree.find_all(jinja2.nodes.For):
        loop.iter = jinja2.nodes.Filter(loop.iter, "_stepped", [], [], None, None, lineno=loop.lineno)
    for joined in list(tree.find_all(jinja2.nodes.Concat)):
        parts = jinja2.nodes.List(joined.nodes, lineno=joined.lineno)
        joined.nodes = [jinja2.nodes.Filter(parts, "_joined", [], [], None, None, lineno=joined.lineno)]
    return tree


def _joined(parts: list[Any]) -> str:
    _weigh_all(*parts)
    return str(_checked("".join(map(str, parts))))


def _paid(filter_: Callable[..., Any], weigh: Callable[..., None]) -> Callable[..., Any]:
    """Return a filter that pays for what it goes over."""
    passed = getattr(filter_, "jinja_pass_arg", None)
    skipped = 0 if passed is None else 1

    def run(*args: Any, **kwargs: Any) -> Any:
        weigh(*args[skipped:])
        found = filter_(*args, **kwargs)
        return list(_stepped(found)) if isinstance(found, Iterator) else _checked(found)

    if passed is not None:
        run.jinja_pass_arg = passed  # type: ignore[attr-defined]
    return run


def _replace(words: Any, old: str, new: str) -> str:
    text = str(words)
    if not old or len(text) + text.count(old) * len(new) > _LONGEST_STRING:
        msg = "replace would make a text that is too long"
        raise TemplateFailed(msg)
    return text.replace(old, new)


def _indent(words: Any, width: int = 4) -> str:
    margin = " " * max(0, min(int(width), 40))
    return _replace(words, "\n", f"\n{margin}")


def _date(value: Any) -> str:
    """Return seconds since the epoch as ISO 8601 in UTC; a text stays what it is."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(value))
    return str(value)


def _said(value: Any) -> Any:
    """Pay for a value that is written out."""
    _weigh_all(value)
    return value


def _tojson(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _environment() -> _Sandbox:
    environment = _Sandbox(
        autoescape=False, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.ChainableUndefined, finalize=_said
    )
    filters: dict[str, Callable[..., Any]] = {name: jinja2.filters.FILTERS[name] for name in FILTERS}
    filters |= {"replace": _replace, "indent": _indent, "date": _date, "tojson": _tojson}
    environment.filters = {
        name: _paid(each, _weigh if name in _SHALLOW else _weigh_all) for name, each in filters.items()
    }
    environment.filters |= {"_stepped": _stepped, "_joined": _joined}
    environment.globals = {"range": jinja2.sandbox.safe_range}
    environment.binop_table = {
        "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
        "%": operator.mod, "**": operator.pow,
    }  # fmt: skip
    return environment


_ENVIRONMENT: Final = _environment()
