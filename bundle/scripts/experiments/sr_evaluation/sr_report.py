"""``report.html`` of an evaluation: tables with intervals and a panel for each enhancer, in one self-contained file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...common.atomic import atomic_write
from ...report.report_format import environment, flatten, report_style
from ...report.sr_sections import sections


def write_report(content: Mapping[str, Any], folder: Path) -> Path:
    """Write ``report.html`` and return its path.

    Args:
        content: content of ``sr_evaluation.json``.
        folder: output folder, which contains ``panels/``.
    """
    template = environment().get_template("sr_report.html.j2")
    html = template.render(
        **report_style(), sr=sections(content, folder), provenance=list(flatten(content["settings"]))
    )
    with atomic_write(folder / "report.html") as file:
        file.write(html.encode())
    return folder / "report.html"
