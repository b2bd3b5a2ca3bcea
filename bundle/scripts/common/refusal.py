"""``RefusedInput``: the only exception that reading an input raises."""

from __future__ import annotations

from pathlib import Path

from .printable import printable, shortened

_LONGEST_FOUND = 500  # characters: several reasons, each with a short value


class RefusedInput(ValueError):  # noqa: N818 - part of the public interface
    """Error for a rejected input, which states the reason and a remedy.

    All texts are made printable. Values of a DICOM header are quoted only through :mod:`..dicom.terms`, because free
    text in a header may identify the patient.

    Args:
        code: reason as a constant, for example ``NOT_DICOM``, ``NO_PIXELS``, ``MULTIFRAME`` or ``PIXEL_BUDGET``.
        what: check or step that failed.
        expected: property of a readable input.
        found: property of this input, never a patient attribute; shortened to 500 characters.
        remedy: action for the user.
        file: path of the input; :meth:`at` sets it where the path is known.
    """

    def __init__(self, code: str, what: str, expected: str, found: str, remedy: str, file: str = "input") -> None:
        texts = map(printable, (code, what, expected, shortened(found, _LONGEST_FOUND), remedy, file))
        super().__init__(*texts)  # all arguments, so that worker processes can pickle the error
        self.code, self.what, self.expected, self.found, self.remedy, self.file = self.args

    def at(self, path: str | Path) -> RefusedInput:
        """Copy of the error that names its file."""
        return RefusedInput(self.code, self.what, self.expected, self.found, self.remedy, str(path))

    def __str__(self) -> str:
        return f"{self.file}: {self.what}; expected {self.expected}, found {self.found}; do: {self.remedy}"


def find_refusal(error: BaseException | None) -> RefusedInput | None:
    """The :class:`RefusedInput` that caused an error, or ``None``.

    MONAI's ``Compose`` raises a ``RuntimeError`` from the error of a transform, which is then its ``__cause__``.
    """
    while error is not None and not isinstance(error, RefusedInput):
        error = error.__cause__
    return error
