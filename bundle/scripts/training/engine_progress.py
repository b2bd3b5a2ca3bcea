"""Progress of an engine of MONAI, with the time left."""

from __future__ import annotations

from contextlib import ExitStack

from ignite.engine import Engine, Events

from ..common.progress import Progress


class EngineProgress:
    """Handler that shows how many iterations of an engine are done (:class:`..common.progress.Progress`).

    Args:
        what: work and its unit, for example ``training steps``.
        rank: rank of this process; only rank 0 shows anything.
    """

    def __init__(self, what: str, rank: int = 0) -> None:
        self.what, self.rank = what, rank
        self.shown = ExitStack()
        self.progress: Progress | None = None

    def attach(self, engine: Engine) -> None:
        """Count the iterations of ``engine``; iterations before its checkpoint do not count for the time left."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.advance)
        engine.add_event_handler(Events.COMPLETED, self.stop)

    def start(self, engine: Engine) -> None:
        """Start the clock."""
        total = (engine.state.max_epochs or 1) * (engine.state.epoch_length or 0)
        self.progress = self.shown.enter_context(
            Progress(self.what, total, done=engine.state.iteration, rank=self.rank)
        )

    def advance(self, engine: Engine) -> None:
        """Count an iteration."""
        if self.progress is not None:
            self.progress.advance()

    def stop(self, engine: Engine) -> None:
        """Remove the line from the terminal."""
        self.shown.close()
