"""Every study that an archive has is predicted, and its results are stored once.

What a kill at any moment leaves: nothing of the study (it is fetched and predicted again), its results in the outbox
(they are sent; instances that the archive has by then are not sent again), or results that are stored but not in the
journal (likewise). The UIDs of results depend on the film and on what computed them, so nothing is ever there twice.

A film may come to a study that is finished. The number of the study's instances changes then, as it does when results
are stored; whenever it has changed and stands still for a poll, the study's films are listed, and the study is taken up
again when one of them is new. The results of a film that is used again have the same UIDs, unless model or software
changed: then a second set is stored beside the first. A server that does not say how many instances a study has is
asked for its films once after the results; a film that comes later is not noticed there, nor is one that comes when the
search no longer looks as far back as the study's day.
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

# Attempts at one study. What is refused or nonsense may still be arriving; where searches are answered and one study
# is not, the trouble is with that study.
_ATTEMPTS = 4
_ATTEMPTS_WITHOUT_ANSWER = 10


class Archive(Protocol):
    """Where studies come from and results go.

    Attributes:
        lists_finished: whether ``studies`` goes on listing what is finished (a PACS does, an inbox does not).
    """

    lists_finished: bool

    def studies(self, since: date) -> dict[str, int]:
        """Key of each study that came on this day or later, and the number of its instances now."""

    def films(self, key: str) -> list[str]:
        """What identifies each film that a study has now; results are none."""

    def fetch(self, key: str, folder: Path) -> list[Failure]:
        """Put the films of a study into a folder; a failure for each that is not there."""

    def store(self, key: str, paths: Sequence[Path]) -> int:
        """Store results that are not stored yet; how many those were."""

    def forget(self, key: str) -> None:
        """The study is finished."""


@dataclass
class Relay:
    """From an archive through the predictor and back.

    Attributes:
        archive: where studies come from and results go.
        outbox: predicts.
        journal: remembers.
        interval_s: between two polls; twice that after the first failed attempt at a study, and so on.
    """

    archive: Archive
    outbox: Outbox
    journal: Journal
    interval_s: float = 30.0

    def run(self, *, until_idle: bool = False) -> None:
        """Poll for ever.

        Args:
            until_idle: end when every study that is found is done or refused, and none has changed since.

        Raises:
            RefusedInput: the archive refuses the search itself: the URL, the credentials or their rights are wrong.
        """
        for study in self.outbox.studies():
            if self.journal.is_finished(study):  # killed after the one and before the other
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
        """Take up every study that is due.

        Returns:
            Number of studies that wait, or changed since they were finished; the next poll looks at those finished in
            this one.

        Raises:
            RefusedInput: the archive does not answer, or refuses the search.
        """
        pending, today = 0, date.today()
        found = {self.journal.name(key): (key, n) for key, n in self.archive.studies(self.journal.open_since()).items()}
        for study, (key, instances) in found.items():
            if self.journal.is_due(study, instances):
                finished = self.take_up(key, study)
            else:
                finished = self.journal.is_settled(study)
            pending += not finished
        for study in self.journal.unfinished():
            if study not in found:
                self.drop(study)
        self.journal.polled(today)
        return pending

    def drop(self, study: str) -> None:
        """A study that is there no more; should it come back, it is a new one."""
        gone = RefusedInput(GONE, "it was deleted before it was finished", "a study", "none", "nothing", study)
        logger.warning("%s", gone)
        self.journal.finish(study, "refused", [Failure.of(study, gone)])
        self.journal.forget(study)
        self.outbox.remove(study)

    def take_up(self, key: str, study: str) -> bool:
        """Bring one study to an end, or put it off; whether it is finished.

        Raises:
            RefusedInput: the archive does not answer.
        """
        try:
            self.process(key, study)
            return True
        except RefusedInput as refused:
            attempts = self.journal.put_off(study, self.interval_s)
            limit = _ATTEMPTS_WITHOUT_ANSWER if refused.code == UNAVAILABLE else _ATTEMPTS
            if refused.code == GONE or attempts >= limit:
                self.finish(key, study, "refused", [Failure.of(study, refused.at(study))])
                return True
            if refused.code == UNAVAILABLE:
                raise
            logger.warning("%s; trying again", refused.at(study))
            return False

    def process(self, key: str, study: str) -> None:
        """Fetch, predict, store and record one study, if it has a film that it had not when it was finished.

        Raises:
            RefusedInput: the archive's.
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
        """Record the end of a study, then forget its results."""
        for failure in failures:
            logger.warning("%s", failure.reason)
        self.journal.finish(study, state, failures)
        self.outbox.remove(study)
        self.archive.forget(key)
        if not self.archive.lists_finished:
            self.journal.forget(study)  # its films may be sent again
