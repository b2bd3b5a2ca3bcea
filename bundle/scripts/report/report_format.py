"""Templates of the reports, and the format of numbers and settings in them."""

from __future__ import annotations

import base64
import hashlib
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
        "number": number_text,
        "signed": signed_text,
        "percent": percent_text,
        "interval": interval_text,
        "p": p_text,
    }
    return jinja


def page_style(*styles: Path) -> str:
    """Style of a page: the look that all pages share, and then the page's own.

    Args:
        styles: files of the page's own style.
    """
    return "".join(path.read_text(encoding="utf-8") for path in (_TEMPLATES / "look.css", *styles))


def report_style() -> dict[str, Any]:
    """Values ``style`` and ``policy`` of a report, for its template.

    The content-security policy names the style by its hash and admits pictures that the page contains, but no script
    and no request.
    """
    from markupsafe import Markup

    style = page_style(_TEMPLATES / "report.css")
    policy = f"default-src 'none'; img-src data:; style-src {policy_source(style)}; base-uri 'none'; form-action 'none'"
    return {"style": Markup(style), "policy": policy}  # these files are part of the package


def policy_source(text: str) -> str:
    """Source in a content-security policy that admits one script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


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


def number_text(value: float | None, digits: int = 3) -> str:
    """Number, or a dash for ``None``."""
    return "–" if value is None else f"{value:.{digits}f}"


def signed_text(value: float | None, digits: int = 3) -> str:
    """Number with its sign; the minus is the mathematical one, which is as wide as the plus."""
    return "–" if value is None else f"{value:+.{digits}f}".replace("-", "−")


def percent_text(value: float | None, digits: int = 1) -> str:
    """Fraction in per cent."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def interval_text(value: Sequence[float] | None, digits: int = 3, *, sign: bool = False) -> str:
    """Lower and upper bound of an interval."""
    if value is None:
        return "–"
    write, joint = (signed_text, " to ") if sign else (number_text, "–")
    return write(value[0], digits) + joint + write(value[1], digits)


def p_text(value: float | None) -> str:
    """P value in the format of journals."""
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"
