"""Queue of batches: one worker predicts them one after another, and what is no longer used is removed.

Uploaded films are removed when their batch has been predicted. The results are removed by the user, when nobody has
looked at them for an hour, or when the program ends.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from ..common.atomic import full_disk_cause
from ..common.failures import Failure
from ..inference.predictor import Predictor
from .film_batch import Batch, State

logger = logging.getLogger(__name__)

MAX_UNFINISHED = 20  # batches that are received, wait or are predicted
_RECEIVING_S, _RESULTS_S = 600, 3600  # without a request


class _Cancelled(Exception):  # noqa: N818 - no error
    """Ends the prediction of a batch that was removed."""


class BatchQueue:
    """All batches, and the thread that predicts them.

    Args:
        predictor: loaded model.
        folder: private folder of all batches.
        keep: folder in which the results stay; ``None``: they are removed.
        dicom: also write the DICOM objects of DICOM films.
    """

    def __init__(self, predictor: Predictor, folder: Path, keep: Path | None = None, *, dicom: bool = False) -> None:
        self.predictor, self.folder, self.keep, self.dicom = predictor, folder, keep, dicom
        self._batches: dict[str, Batch] = {}
        self._waiting: list[Batch] = []
        self._changed = threading.Condition(threading.RLock())
        self._closed = False
        self._worker = threading.Thread(target=self._work, name="predictions")
        self._worker.start()

    def create(self) -> str:
        """Make an empty batch and return its key, which nobody can guess.

        Raises:
            HTTPException: 429; there are too many.
        """
        with self._changed:
            unfinished = [one for one in self._batches.values() if one.state not in (State.DONE, State.FAILED)]
            if len(unfinished) >= MAX_UNFINISHED:
                reason = f"batches: too many; expected at most {MAX_UNFINISHED} that are not finished; try again later"
                raise HTTPException(429, reason, {"Retry-After": "60"})
            key = secrets.token_urlsafe(16)
            kept = self.keep and self.keep / f"{time.strftime('%Y-%m-%d_%H-%M-%S')}_{secrets.token_hex(3)}"
            self._batches[key] = Batch(self.folder / secrets.token_hex(16), kept)
            return key

    def find(self, key: str, *states: State) -> Batch:
        """Return a batch, which is then in use.

        Args:
            key: what :meth:`create` returned.
            states: states of which it must have one; none: any.

        Raises:
            HTTPException: 404 for an unknown batch, 409 for another state.
        """
        with self._changed:
            batch = self._batches.get(key)
            if batch is None:
                raise HTTPException(
                    404, "batch: not known; it was removed, or the server was started again; send the films again"
                )
            if states and batch.state not in states:
                raise HTTPException(
                    409, f"batch: expected {' or '.join(states)}, found {batch.state}; wait or send the films again"
                )
            batch.touched = time.monotonic()
            return batch

    def add(self, key: str, path: Path, name: str, size: int) -> None:
        """Add an uploaded file to a batch.

        Raises:
            HTTPException: 404 or 409 as :meth:`find`: the batch was started or removed during the upload.
        """
        with self._changed:
            batch = self.find(key, State.RECEIVING)
            batch.names[str(path)] = name
            batch.size += size

    def start(self, key: str) -> None:
        """Put a complete batch at the end of the queue.

        Raises:
            HTTPException: 404 or 409 as :meth:`find`; 400 for a batch without a file.
        """
        with self._changed:
            batch = self.find(key, State.RECEIVING)
            if not batch.names:
                raise HTTPException(400, "batch: no film; expected at least one; send a film first")
            batch.state = State.WAITING
            self._waiting.append(batch)
            self._changed.notify_all()

    def describe(self, key: str) -> dict[str, Any]:
        """Return state and progress of a batch.

        Raises:
            HTTPException: 404 as :meth:`find`.
        """
        with self._changed:
            batch = self.find(key)
            running = [one for one in self._batches.values() if one.state == State.RUNNING]
            before = len(running) + self._waiting.index(batch) if batch.state == State.WAITING else 0
            shown = ("done", "total", "used", "refused", "reason")
            return {"state": batch.state, "before": before, **{name: getattr(batch, name) for name in shown}}

    def remove(self, key: str) -> None:
        """Cancel a batch, and remove its files and results; results that are kept stay if they are complete.

        Raises:
            HTTPException: 404 as :meth:`find`.
        """
        with self._changed:
            batch = self.find(key)
            del self._batches[key]
            if batch.state == State.RUNNING:
                batch.cancelled.set()  # the worker removes it after the film that it is at
                return
            if batch.state == State.WAITING:
                self._waiting.remove(batch)
        shutil.rmtree(batch.folder, ignore_errors=True)

    def remove_unused(self) -> None:
        """Remove batches that were never started, and results that nobody looks at."""
        now = time.monotonic()
        with self._changed:
            limits = {State.RECEIVING: _RECEIVING_S, State.DONE: _RESULTS_S, State.FAILED: _RESULTS_S}
            old = [key for key, one in self._batches.items() if now - one.touched > limits.get(one.state, float("inf"))]
            for key in old:
                self.remove(key)

    def close(self) -> None:
        """Stop after the film that is predicted now, and remove everything that is not kept."""
        with self._changed:
            self._closed = True
            for batch in self._batches.values():
                batch.cancelled.set()
            self._changed.notify_all()
        self._worker.join()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _work(self) -> None:
        """Predict the waiting batches until :meth:`close`."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                batch = self._waiting.pop(0)
                batch.state = State.RUNNING
            self._predict(batch)

    def _predict(self, batch: Batch) -> None:
        """Predict a batch; an error is its own."""
        state, started = State.FAILED, time.monotonic()

        def advance(done: int, total: int) -> None:
            batch.done, batch.total = done, total
            if batch.cancelled.is_set():
                raise _Cancelled

        try:
            results = self.predictor.predict_to_folder(
                list(batch.names),
                batch.results,
                dicom=self.dicom,
                shown_as=batch.names,
                unpack_to=batch.unpacked,
                on_progress=advance,
            )
            batch.used, batch.refused = len(results.rows), len(results.failures)
            state = State.DONE
        except _Cancelled:
            logger.info("a batch was cancelled")
        except FileNotFoundError:
            batch.reason = "no film found; expected radiographs, found archives without one; check what you sent"
        except Exception as error:
            batch.reason = _reason(error)
            logger.error("a batch failed: %s", batch.reason)
        shutil.rmtree(batch.uploads, ignore_errors=True)
        shutil.rmtree(batch.unpacked, ignore_errors=True)
        with self._changed:
            batch.state, batch.touched = state, time.monotonic()
            is_removed = batch.cancelled.is_set()
        if state != State.DONE:
            shutil.rmtree(batch.results, ignore_errors=True)
        if is_removed:
            shutil.rmtree(batch.folder, ignore_errors=True)
        if state == State.DONE:
            seconds = time.monotonic() - started
            logger.info("a batch is done: %d used, %d refused, %.1f s", batch.used, batch.refused, seconds)


def _reason(error: Exception) -> str:
    """Return why a batch failed, without the text of the error, which may quote patient data."""
    if full_disk_cause(error) is not None:
        return "the disk of the server is full; free some space and send the films again"
    return Failure.unexpected("the batch", error).reason
