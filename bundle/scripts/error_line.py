"""The line that reports an error which ends a command."""

from __future__ import annotations

from .common.atomic import full_disk_cause
from .common.printable import SHOWN_MESSAGE, shortened

_DISK_FULL = (
    "; the disk is full, and everything finished so far is kept: free some space and run the same command again"
)


def error_line(error: Exception, debug: str) -> str:
    """Printable line that reports an error.

    Args:
        error: error that ended a command.
        debug: option or variable that shows the traceback.
    """
    cause = full_disk_cause(error)
    if cause is not None:
        full = "" if getattr(cause, "is_explained", False) else _DISK_FULL
        return shortened(f"error: {cause}{full}", SHOWN_MESSAGE)
    error = root_cause(error)
    if isinstance(error, ValueError | OSError | FloatingPointError | MemoryError):
        return shortened(f"error: {error}", SHOWN_MESSAGE)
    text = f"error: unexpected {type(error).__name__}: {error}"
    return f"{shortened(text, SHOWN_MESSAGE)}; {debug} shows where; please report it"


def root_cause(error: Exception) -> Exception:
    """Error that a component raised, without the ``RuntimeError``s with whole expressions that MONAI wraps it in."""
    passed: list[Exception] = []  # an error that was raised from its wrapper leads back to it
    while isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception) and error not in passed:
        passed.append(error)
        error = error.__cause__
    return passed[0] if error in passed else error
