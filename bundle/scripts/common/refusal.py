"""The one exception that reading an input can raise."""

from __future__ import annotations

from pathlib import Path

from .printable import printable, shortened

_LONGEST_FOUND = 500  # characters: several reasons, each with a short value


class RefusedInput(ValueError):  # noqa: N818 - the name that the design fixes
    """An input that is not read, with what to do about it.

    All of it is printable. What quotes a header says so through :mod:`..dicom.terms`: never a patient's words.

    Args:
        code: short reason, for example ``NOT_DICOM``, ``NO_PIXELS``, ``MULTIFRAME``, ``PIXEL_BUDGET``.
        what: what failed.
        expected: what a readable input has.
        found: what this one has; never a patient attribute. Shortened if it is long.
        remedy: what the reader of the message can do.
        file: input concerned; :meth:`at` fills it in where the path is known.
    """

    def __init__(self, code: str, what: str, expected: str, found: str, remedy: str, file: str = "input") -> None:
        texts = map(printable, (code, what, expected, shortened(found, _LONGEST_FOUND), remedy, file))
        super().__init__(*texts)  # all of them: pickles across worker processes
        self.code, self.what, self.expected, self.found, self.remedy, self.file = self.args

    def at(self, path: str | Path) -> RefusedInput:
        """The same refusal, naming its file."""
        return RefusedInput(self.code, self.what, self.expected, self.found, self.remedy, str(path))

    def __str__(self) -> str:
        return f"{self.file}: {self.what}; expected {self.expected}, found {self.found}; do: {self.remedy}"


def find_refusal(error: BaseException | None) -> RefusedInput | None:
    """The refusal behind an error; MONAI's ``Compose`` raises a ``RuntimeError`` from whatever a transform raised."""
    while error is not None and not isinstance(error, RefusedInput):
        error = error.__cause__
    return error
