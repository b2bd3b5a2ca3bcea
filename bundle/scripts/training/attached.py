"""Handlers that a configuration defines elsewhere, because a checkpoint holds their state too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ignite.engine import Engine


class Handler(Protocol):
    """Whatever attaches itself to an engine."""

    def attach(self, engine: Engine) -> None:
        """Register with the events of ``engine``."""


class Attached:
    """Attach handlers by reference: MONAI's property check refuses ``"@name"`` in a list of handlers.

    Args:
        handlers: in the order in which they run.
    """

    def __init__(self, handlers: Sequence[Handler]) -> None:
        self.handlers = list(handlers)

    def attach(self, engine: Engine) -> None:
        """Attach all to ``engine``."""
        for handler in self.handlers:
            handler.attach(engine)
