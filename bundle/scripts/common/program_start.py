"""Settings of the whole process, which our commands make at their start; a program that imports us keeps its own.

All of them keep the identity of patients, and text that forges lines, out of logs and terminals.
"""

from __future__ import annotations

import logging
import warnings

from .printable import PrintableRecord


def start_program() -> None:
    """Make log records printable, and hide what pydicom and highdicom say about the values that they write."""
    logging.setLogRecordFactory(PrintableRecord)
    warnings.filterwarnings("ignore", module="pydicom")
    for library in ("highdicom", "pydicom"):
        logging.getLogger(library).setLevel(logging.ERROR)
