"""Predicts every study of an archive, and stores its results once.

The process may be killed at any moment. Afterwards a study either has nothing (it is fetched and predicted again), or
results in the outbox (they are sent, except for instances that the archive has already), or stored results that the
journal does not know (the same). The UIDs of results depend on the film, the model and the software only, so no object
is stored twice.

A film may be added to a finished study. The number of instances then changes, as it also does when results are stored.
When the number has changed and is the same in two polls, the films of the study are listed, and the study is processed
again if one of them is new. The results of a film that was used before have the same UIDs, unless the model or the
software changed; in that case a second set is stored beside the first. A server that does not report the number of
instances is asked for the films once after the results were stored; a later film is not noticed there. A film that is
added after the study's day left the range of the search is not noticed either.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from ..common.failures import Failure
from ..dicom import RefusedInput
from .journal import Journal
from .outbox import Outbox
from .refusals import GONE, UNAVAILABLE

logger = logging.getLogger(__name__)

# Attempts at one study. An incomplete study may still be arriving. Where the server answers searches but not requests
# for one study, the cause is in that study.
_ATTEMPTS = 4
_ATTEMPTS_WITHOUT_ANSWER = 10


class Archive(Protocol):
    """Source of studies and destination of results.

    Attributes:
        lists_finished: whether ``studies`` lists finished studies, too (a PACS does, an inbox does not).
    """

    lists_finished: bool

    def studies(self, since: date) -> dict[str, int]:
        """Return the key of each study that arrived on a day or later -> current number of its instances."""

    def films(self, key: str) -> list[str]:
        """Return an identifier of each film of a study, without results."""

    def fetch(self, key: str, folder: Path) -> list[Failure]:
        """Put the films of a study into a folder, and return a failure for each that could not be fetched."""

    def store(self, key: str, paths: Sequence[Path]) -> int:
        """Store the results that are not stored yet, and return their number."""

    def forget(self, key: str) -> None:
        """Release what is kept for a study that is finished."""


@dataclass
class Relay:
    """Moves studies from an archive through the predictor, and results back.

    Attributes:
        archive: source of studies and destination of results.
        outbox: makes and keeps the results.
        journal: state of each study.
        interval_s: time between two polls, in seconds; the wait after a failed attempt at a study starts with it.
    """

    archive: Archive
    outbox: Outbox
    journal: Journal
    interval_s: float = 30.0

    def run(self, *, until_idle: bool = False) -> None:
        """Poll without an end.

        Args:
            until_idle: end when every study that is found is done or rejected, and none has changed since.

        Raises:
            RefusedInput: the archive rejects the search: the URL, the credentials or their rights are wrong.
        """
        for study in self.outbox.studies():
            if self.journal.is_finished(study):  # an earlier process was killed before it removed the results
                self.outbox.remove(study)
        if not self.archive.lists_finished:
            self.journal.forget_finished()
        while True:
            try:
                pending = self.poll()
            except RefusedInput as refused:
                if refused.code != UNAVAILABLE:
                    raise
                logger.warning("%s; trying again", refused)
                pending = 1
            if until_idle and not pending:
                return
            time.sleep(self.interval_s)

    def poll(self) -> int:
        """Process every study that is due.

        Returns:
            Number of studies that wait, or changed since they were finished; studies that were finished in this poll
            are checked in the next one.

        Raises:
            RefusedInput: the archive does not answer, or rejects the search.
        """
        pending, today = 0, date.today()
        found = {self.journal.name(key): (key, n) for key, n in self.archive.studies(self.journal.open_since()).items()}
        for study, (key, instances) in found.items():
            if self.journal.is_due(study, instances):
                finished = self.attempt(key, study)
            else:
                finished = self.journal.is_settled(study)
            pending += not finished
        for study in self.journal.unfinished():
            if study not in found:
                self.drop(study)
        self.journal.polled(today)
        return pending

    def drop(self, study: str) -> None:
        """Reject a study that the archive no longer has; if it returns, it is a new study."""
        gone = RefusedInput(GONE, "it was deleted before it was finished", "a study", "none", "nothing", study)
        logger.warning("%s", gone)
        self.journal.finish(study, "refused", [Failure.of(study, gone)])
        self.journal.forget(study)
        self.outbox.remove(study)

    def attempt(self, key: str, study: str) -> bool:
        """Finish or postpone one study; return whether it is finished.

        Raises:
            RefusedInput: the archive does not answer.
            OSError: the disk is full.
        """
        try:
            self.process(key, study)
            return True
        except RefusedInput as refused:
            attempts = self.journal.postpone(study, self.interval_s)
            limit = _ATTEMPTS_WITHOUT_ANSWER if refused.code == UNAVAILABLE else _ATTEMPTS
            if refused.code == GONE or attempts >= limit:
                self.finish(key, study, "refused", [Failure.of(study, refused.at(study))])
                return True
            if refused.code == UNAVAILABLE:
                raise
            logger.warning("%s; trying again", refused.at(study))
            return False
        except Exception as error:
            failure = Failure.unexpected(study, error)
            if self.journal.postpone(study, self.interval_s) >= _ATTEMPTS:
                self.finish(key, study, "refused", [failure])
                return True
            logger.warning("%s; trying again", failure.reason)
            return False

    def process(self, key: str, study: str) -> None:
        """Fetch, predict, store and record one study, unless it is finished and has no new film.

        Raises:
            RefusedInput: an error of the archive.
        """
        if not self.outbox.has(study):
            if not self.journal.begin(study, self.archive.films(key)):
                return
            findings, failures = self.outbox.fill(study, lambda folder: self.archive.fetch(key, folder))
            if not self.outbox.has(study):
                self.finish(key, study, "refused", failures)
                return
            logger.info("%s  %s", study, findings)
        stored = self.archive.store(key, self.outbox.objects(study))
        logger.info("%s  stored %d objects", study, stored)
        self.finish(key, study, "done", self.outbox.failures(study))

    def finish(self, key: str, study: str, state: str, failures: list[Failure]) -> None:
        """Record the end of a study, then remove its results."""
        for failure in failures:
            logger.warning("%s", failure.reason)
        self.journal.finish(study, state, failures)
        self.outbox.remove(study)
        self.archive.forget(key)
        if not self.archive.lists_finished:
            self.journal.forget(study)  # its films may be sent again
