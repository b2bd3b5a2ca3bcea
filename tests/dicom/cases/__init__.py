"""Conformance cases: small DICOM files, each with its displayed image or the code of its rejection.

The code under test is not used here.
"""

from ..cases import display, storage, syntaxes
from .case import SMOOTH, STORED, Case
from .syntaxes import encode

__all__ = ["SMOOTH", "STORED", "Case", "all_cases", "encode"]

GROUPS = (
    display.windows, display.several_windows, display.rescales, display.modality_luts, display.voi_luts,
    display.presentation, display.padding, display.no_window,
    storage.bits, storage.signs, storage.colours, storage.orientations, storage.pixel_spacings, storage.headers,
    storage.refusals,
    syntaxes.transfer_syntaxes, syntaxes.compressed_kinds,
)  # fmt: skip


def all_cases() -> list[Case]:
    """Every case, the names unique."""
    return [case for group in GROUPS for case in group()]
