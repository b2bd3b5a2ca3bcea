"""Templates of the reports, and the format of numbers and settings in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"


def environment(templates: Path = _TEMPLATES) -> Environment:
    """Jinja environment of all pages, which escapes what it shows, with the filters of the reports.

    Args:
        templates: folder of the templates; default: those of the reports.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    jinja = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    jinja.filters |= {
        "number": _number,
        "signed": _signed,
        "percent": _percent,
        "interval": _interval,
        "p": _p_value,
    }
    return jinja


def flatten(tree: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    """Nested settings as pairs of a dotted key and a text.

    Args:
        tree: nested settings.
        prefix: prefix of the keys.
    """
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _number(value: float | None, digits: int = 3) -> str:
    """Number, or a dash for ``None``."""
    return "–" if value is None else f"{value:.{digits}f}"


def _signed(value: float | None, digits: int = 3) -> str:
    """Number with its sign; the minus is the mathematical one, which is as wide as the plus."""
    return "–" if value is None else f"{value:+.{digits}f}".replace("-", "−")


def _percent(value: float | None, digits: int = 1) -> str:
    """Fraction in per cent."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def _interval(value: Sequence[float] | None, digits: int = 3, *, sign: bool = False) -> str:
    """Lower and upper bound of an interval."""
    if value is None:
        return "–"
    write, joint = (_signed, " to ") if sign else (_number, "–")
    return write(value[0], digits) + joint + write(value[1], digits)


def _p_value(value: float | None) -> str:
    """P value in the format of journals."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"
