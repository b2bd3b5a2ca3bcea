"""Reading without pydicom's warnings about values, which quote them and may so identify a patient."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom import config

_lock = threading.Lock()
_state = {"readers": 0, "mode": config.WARN}


@contextmanager
def unquoted() -> Iterator[None]:
    """Switch pydicom's check of values off while any thread is inside; then the program has its own mode again.

    Values are checked where they are used. The mode belongs to the whole process, so a thread of the program that reads
    with pydicom in the same moment gets no check either.
    """
    with _lock:
        if _state["readers"] == 0:
            _state["mode"] = config.settings.reading_validation_mode
            config.settings.reading_validation_mode = config.IGNORE
        _state["readers"] += 1
    try:
        yield
    finally:
        with _lock:
            _state["readers"] -= 1
            if _state["readers"] == 0:
                config.settings.reading_validation_mode = _state["mode"]
