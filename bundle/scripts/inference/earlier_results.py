"""Recognises the results of an earlier run in an input folder, which are not predicted."""

from __future__ import annotations

import re
from pathlib import Path

# Files below an output folder that the writer makes.
_RESULT = re.compile(
    r"overlays/\d{5,}_[^/]*\.png|enhanced/\d{5,}_[^/]*\.(png|dcm)|"
    r"dicom/\d{5,}_[^/]*/(findings|attention|regions|enhanced)\.dcm"
)


def is_result(path: Path, folder: Path) -> bool:
    """Return whether a file below a folder is a result of an earlier run whose output folder is there, too."""
    below = path.relative_to(folder)
    return any(
        _RESULT.fullmatch(path.relative_to(folder / parent).as_posix()) is not None
        and (folder / parent / "run_report.json").is_file()
        for parent in below.parents
    )
