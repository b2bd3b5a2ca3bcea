"""Progress of long work: one updating line on a terminal, and in a log a line now and then."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Protocol, Self, TypeVar

Entry = TypeVar("Entry")

logger = logging.getLogger(__name__)

_QUIET_S = 10.0  # work that takes less says nothing in a log
_LOG_EVERY_S = 30.0
_LOG_GROWTH = 0.1  # a run of ten hours logs about 60 lines, not 1,200
_DRAW_AFTER_S = 1.0
_DRAW_EVERY_S = 0.2


class _Stream(Protocol):
    """Part of a text stream that a progress line needs."""

    def write(self, text: str, /) -> object:
        """Write a text."""

    def flush(self) -> None:
        """Show what was written."""

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""


class Progress:
    """Shows how much of some work is done and about how long the rest takes; a context manager.

    On a terminal (standard error), a single line is redrawn and removed at the end; a line of the log removes it first.
    Anywhere else, the log gets a line after 10 s, and then each time that 30 s and a tenth of the time so far are over.

    Args:
        what: work as a verb with an object, for example ``decoding images``.
        total: number of steps.
        done: number of steps that an earlier run finished; they do not count for the time.
        rank: rank of this process; only rank 0 shows anything. Default: the one that ``torchrun`` gives it, else 0.
        stream: terminal; default: standard error.
    """

    def __init__(
        self, what: str, total: int, *, done: int = 0, rank: int | None = None, stream: _Stream | None = None
    ) -> None:
        self.what, self.total, self.done = what, total, done
        rank = self.rank = _rank() if rank is None else rank
        self.stream = sys.stderr if stream is None else stream
        self._before = done
        self._started = time.monotonic()
        self._on_terminal = rank == 0 and self.stream is not None and self.stream.isatty()
        self._next = self._started + (_DRAW_AFTER_S if self._on_terminal else _QUIET_S)
        self._drawn = False
        self._handlers: list[logging.Handler] = []

    def __enter__(self) -> Self:
        if self._on_terminal:
            self._handlers = list(logging.getLogger().handlers)
            for handler in self._handlers:
                handler.addFilter(self._make_room)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handler in self._handlers:
            handler.removeFilter(self._make_room)
        self._erase()

    def advance(self, steps: int = 1) -> None:
        """Count steps as done, and show the progress if it is time to."""
        self.done += steps
        now = time.monotonic()
        if self.rank != 0 or now < self._next:
            return
        elapsed = now - self._started
        if self._on_terminal:
            self._next = now + _DRAW_EVERY_S
            self._draw(elapsed)
        else:
            self._next = now + max(_LOG_EVERY_S, _LOG_GROWTH * elapsed)
            logger.info("%s", self._line(elapsed))

    def over(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield entries; each counts as one step when the next one is asked for."""
        with self:
            for entry in entries:
                yield entry
                self.advance()

    def _line(self, elapsed: float) -> str:
        """Text after ``elapsed`` seconds."""
        counted = f"{self.what}: {self.done:,} of {self.total:,}"
        finished, left = self.done - self._before, self.total - self.done
        return f"{counted}, about {_duration(elapsed / finished * left)} left" if finished > 0 and left > 0 else counted

    def _draw(self, elapsed: float) -> None:
        """Replace the line on the terminal, cut to its width so that it stays one line."""
        self._erase()
        # The cursor stays at the start, so that an error that ends the program is not written behind the line.
        self.stream.write(self._line(elapsed)[: _width()] + "\r")
        self.stream.flush()
        self._drawn = True

    def _erase(self) -> None:
        """Remove the line from the terminal."""
        if self._drawn:
            self.stream.write("\r" + " " * _width() + "\r")
            self.stream.flush()
            self._drawn = False

    def _make_room(self, record: logging.LogRecord) -> bool:
        """Filter of the log that removes the progress line before a record is written, and keeps every record."""
        self._erase()
        return True


def _rank() -> int:
    """Rank of this process among those that ``torchrun`` started; 0 without it."""
    rank = os.environ.get("RANK", "0")
    return int(rank) if rank.isdecimal() else 0


def _width() -> int:
    """Characters of the terminal that a line can fill without a line break."""
    return max(20, shutil.get_terminal_size().columns - 1)


def _duration(seconds: float) -> str:
    """Time with the units that a person would use: ``40 s``, ``12 min``, ``3 h 20 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"
