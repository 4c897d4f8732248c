"""Looking into a decoded body whose shape nobody promises: what is missing or of another kind is empty, and never a crash.

Called by formats. What a format cannot do without it asks for with :func:`required`, which names the field.
"""

from typing import Any

from connectors.webhook.posting import Malformed

NOTHING: dict[str, Any] = {}


def at(fields: Any, *path: str | int) -> Any:
    """Return what lies at this path, None if there is nothing."""
    for step in path:
        if isinstance(step, str):
            fields = fields.get(step) if isinstance(fields, dict) else None
        else:
            fields = fields[step] if isinstance(fields, list) and -len(fields) <= step < len(fields) else None
    return fields


def text(fields: Any, *path: str | int) -> str:
    """Return the text or number at this path as text, "" for everything else."""
    value = at(fields, *path)
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def number(fields: Any, *path: str | int) -> float | None:
    """Return the number at this path, also one that is written as text; None for everything else."""
    try:
        return float(text(fields, *path))
    except ValueError:
        return None


def table(fields: Any, *path: str | int) -> dict[str, Any]:
    """Return the object at this path, an empty one for everything else."""
    value = at(fields, *path)
    return value if isinstance(value, dict) else NOTHING


def items(fields: Any, *path: str | int) -> list[Any]:
    """Return the list at this path, an empty one for everything else."""
    value = at(fields, *path)
    return value if isinstance(value, list) else []


def truth(fields: Any, *path: str | int) -> bool:
    """Tell whether there is a yes at this path, in one of the spellings that forms have."""
    value = at(fields, *path)
    return value.strip().lower() in {"1", "true", "yes", "on"} if isinstance(value, str) else value is True


def required(fields: Any, *path: str | int) -> str:
    """Return the text at this path. Raises: Malformed, which names it."""
    found = text(fields, *path)
    if found:
        return found
    value = at(fields, *path)
    raise Malformed(".".join(map(str, path)), kind(value), "a text")


def kind(value: Any) -> str:
    """Return what somebody sent instead, in words."""
    match value:
        case None:
            return "nothing"
        case "":
            return "an empty text"
        case bool():
            return "true" if value else "false"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case _:
            return "an object"
