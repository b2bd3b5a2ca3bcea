"""How reports are written: their templates, and numbers and settings as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"


def environment() -> Environment:
    """Templates of all reports, with their filters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": _number, "signed": _signed, "percent": _percent, "interval": _interval, "p": _p_value}
    return made


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Nested settings as (dotted key, text) pairs.

    Args:
        tree: nested mapping.
        prefix: of the keys.
    """
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _number(value: float | None, digits: int = 3) -> str:
    """A figure, or a dash when there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def _signed(value: float | None, digits: int = 3) -> str:
    """A difference with its sign (a true minus, which lines up)."""
    return "–" if value is None else f"{value:+.{digits}f}".replace("-", "−")


def _percent(value: float | None, digits: int = 1) -> str:
    """A share in per cent."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def _interval(value: Sequence[float] | None, digits: int = 3, *, sign: bool = False) -> str:
    """Low and high end of an interval."""
    if value is None:
        return "–"
    write, joint = (_signed, " to ") if sign else (_number, "–")
    return write(value[0], digits) + joint + write(value[1], digits)


def _p_value(value: float | None) -> str:
    """A p value as journals print it."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"
