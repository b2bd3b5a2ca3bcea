"""Attaches handlers that the configuration defines outside its list of handlers.

A checkpoint also refers to these handlers, because it stores their state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ignite.engine import Engine


class Handler(Protocol):
    """Object that can be attached to an engine."""

    def attach(self, engine: Engine) -> None:
        """Register event handlers with ``engine``."""


class Attached:
    """Handler that attaches other handlers.

    MONAI's property check does not accept ``"@name"`` references in a list of handlers, but accepts them here.

    Args:
        handlers: handlers, in the order in which they run.
    """

    def __init__(self, handlers: Sequence[Handler]) -> None:
        self.handlers = list(handlers)

    def attach(self, engine: Engine) -> None:
        """Attach all handlers to ``engine``."""
        for handler in self.handlers:
            handler.attach(engine)
