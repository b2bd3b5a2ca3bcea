"""State of every study and the reasons of failures, in an SQLite file that stays valid when the process is killed.

Studies and films are identified by salted hashes of their UIDs. The salt is in the file, which only its owner can read.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import astuple
from datetime import date
from pathlib import Path
from types import TracebackType

from ..common.atomic import make_file, make_folder
from ..common.failures import Failure, write_failures
from ..common.locking import locked_file

_SCHEMA = """
CREATE TABLE IF NOT EXISTS salt (value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS polled (day TEXT NOT NULL);  -- last complete poll
CREATE TABLE IF NOT EXISTS studies (
    study TEXT PRIMARY KEY,
    state TEXT NOT NULL DEFAULT 'seen',     -- seen, done, refused
    first_seen TEXT NOT NULL,               -- day
    instances INTEGER NOT NULL DEFAULT -1,  -- at the last poll
    attempts INTEGER NOT NULL DEFAULT 0,
    not_before REAL NOT NULL DEFAULT 0      -- seconds since 1970
);
CREATE TABLE IF NOT EXISTS films (study TEXT, film TEXT, PRIMARY KEY (study, film));  -- known films of a study
CREATE TABLE IF NOT EXISTS settled (
    study TEXT PRIMARY KEY,
    instances INTEGER NOT NULL  -- number of a finished study at the last check that found no new film
);
CREATE TABLE IF NOT EXISTS failures (study TEXT, path TEXT, code TEXT, reason TEXT, remedy TEXT);
"""


class Journal:
    """Journal as a context manager; one process at a time can open it.

    Args:
        out_dir: folder of ``journal.db`` and ``failures.csv``.

    Raises:
        ValueError: another process has opened the journal.
    """

    def __init__(self, out_dir: Path) -> None:
        self.out_dir = out_dir
        make_folder(out_dir)
        path = out_dir / "journal.db"
        self.lock = ExitStack()
        try:
            self.lock.enter_context(locked_file(path.with_suffix(".lock"), patience=0))
        except TimeoutError:
            raise ValueError(
                f"{out_dir}: in use; expected one watch or receive per output folder, found another; stop it, or take "
                "another --out"
            ) from None
        make_file(path, owner_only=True)
        self.database = sqlite3.connect(path)
        with self.database:
            self.database.executescript(_SCHEMA)
        self.salt = self.read_salt()
        self.write_failures()  # an earlier process may have been killed between the database and the table

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()
        self.lock.close()

    def read_salt(self) -> str:
        """Return the salt of this journal, which is created at the first opening."""
        row = self.database.execute("SELECT value FROM salt").fetchone()
        if row is None:
            row = (secrets.token_hex(16),)
            with self.database:
                self.database.execute("INSERT INTO salt VALUES (?)", row)
        return str(row[0])

    def name(self, uid: str) -> str:
        """Return the salted hash that stands for a study or an instance."""
        return hashlib.sha256(f"{self.salt}{uid}".encode()).hexdigest()[:16]

    def add(self, study: str) -> None:
        """Insert a row for a study that is new."""
        row = (study, date.today().isoformat())
        self.database.execute("INSERT OR IGNORE INTO studies (study, first_seen) VALUES (?, ?)", row)

    def open_since(self) -> date:
        """Return the earliest day of an unfinished study: the last complete poll, or the oldest study that waits."""
        days = self.database.execute(
            "SELECT min(day) FROM (SELECT day FROM polled UNION SELECT first_seen FROM studies WHERE state = 'seen')"
        ).fetchone()[0]
        return date.fromisoformat(days) if days else date.today()

    def polled(self, day: date) -> None:
        """Record that all studies up to a day are known."""
        with self.database:
            self.database.execute("DELETE FROM polled")
            self.database.execute("INSERT INTO polled VALUES (?)", (day.isoformat(),))

    def unfinished(self) -> list[str]:
        """Return the studies that are neither done nor rejected."""
        return [row[0] for row in self.database.execute("SELECT study FROM studies WHERE state = 'seen'")]

    def is_due(self, study: str, instances: int) -> bool:
        """Return whether to process a study now: it seems complete, is not settled and not postponed.

        A study counts as complete when it has as many instances as at the previous call.

        Args:
            study: name of the study.
            instances: current number of instances.
        """
        with self.database:
            self.add(study)
            before, not_before = self.database.execute(
                "SELECT instances, not_before FROM studies WHERE study = ?", (study,)
            ).fetchone()
            if instances != before:
                self.database.execute("UPDATE studies SET instances = ? WHERE study = ?", (instances, study))
        return instances == before and time.time() >= not_before and not self.is_settled(study)

    def is_finished(self, study: str) -> bool:
        """Return whether a study is done or rejected."""
        row = self.database.execute("SELECT state FROM studies WHERE study = ?", (study,)).fetchone()
        return row is not None and row[0] != "seen"

    def is_settled(self, study: str) -> bool:
        """Return whether a study is finished and unchanged since the last check for new films."""
        row = self.database.execute(
            "SELECT state FROM studies JOIN settled USING (study, instances) WHERE study = ?", (study,)
        ).fetchone()
        return row is not None and row[0] != "seen"

    def settle(self, study: str) -> None:
        """Skip a finished study until the number of its instances changes."""
        self.database.execute("UPDATE studies SET attempts = 0, not_before = 0 WHERE study = ?", (study,))
        self.database.execute("REPLACE INTO settled SELECT study, instances FROM studies WHERE study = ?", (study,))

    def begin(self, study: str, films: Sequence[str]) -> bool:
        """Start a study with its films, or settle it when it is finished and none of them is new.

        Films are compared instead of numbers of instances, which also change with results and other objects.

        Args:
            study: name of the study.
            films: SOPInstanceUID of each film.

        Returns:
            Whether the study is to be processed.
        """
        names = {self.name(film) for film in films}
        with self.database:
            (state,) = self.database.execute("SELECT state FROM studies WHERE study = ?", (study,)).fetchone()
            rows = self.database.execute("SELECT film FROM films WHERE study = ?", (study,))
            # Journals of version 0.3.0 do not list the films of finished studies; these count as known.
            known = {row[0] for row in rows} or (names if state == "done" else set())
            self.database.executemany("INSERT OR IGNORE INTO films VALUES (?, ?)", [(study, name) for name in names])
            if state != "seen" and names <= known:
                self.settle(study)
                return False
            self.database.execute("UPDATE studies SET state = 'seen' WHERE study = ?", (study,))
            self.database.execute("DELETE FROM settled WHERE study = ?", (study,))
        return True

    def postpone(self, study: str, wait_s: float) -> int:
        """Try a study again later.

        Args:
            study: name of the study.
            wait_s: wait after the first failed attempt, in seconds; doubled for each further one, at most an hour.

        Returns:
            Number of failed attempts so far.
        """
        with self.database:
            (attempts,) = self.database.execute(
                "UPDATE studies SET attempts = attempts + 1 WHERE study = ? RETURNING attempts", (study,)
            ).fetchone()
            later = time.time() + min(wait_s * 2 ** min(attempts - 1, 20), 3600)
            self.database.execute("UPDATE studies SET not_before = ? WHERE study = ?", (later, study))
        return int(attempts)

    def finish(self, study: str, state: str, failures: Sequence[Failure]) -> None:
        """Record that a study is ``done`` or ``refused``, with its failures, and write ``failures.csv``.

        A study that is done is not settled yet, because a film may have been added while it was processed.
        """
        rows = [(study, *astuple(failure)) for failure in failures]
        with self.database:
            self.add(study)
            self.database.execute(
                "UPDATE studies SET state = ?, attempts = 0, not_before = 0 WHERE study = ?", (state, study)
            )
            if state == "refused":
                self.settle(study)
            self.database.execute("DELETE FROM failures WHERE study = ?", (study,))
            self.database.executemany("INSERT INTO failures VALUES (?, ?, ?, ?, ?)", rows)
        self.write_failures()

    def forget(self, study: str) -> None:
        """Remove a study, so that it is new when it is found again."""
        with self.database:
            for table in ("studies", "films", "settled"):
                self.database.execute(f"DELETE FROM {table} WHERE study = ?", (study,))

    def forget_finished(self) -> None:
        """Remove every finished study, see :meth:`forget`."""
        for (study,) in self.database.execute("SELECT study FROM studies WHERE state != 'seen'").fetchall():
            self.forget(study)

    def reopen_refused(self) -> None:
        """Process every rejected study again."""
        with self.database:
            self.database.execute(
                "UPDATE studies SET state = 'seen', attempts = 0, not_before = 0 WHERE state = 'refused'"
            )

    def write_failures(self) -> None:
        """Write ``failures.csv`` with the failures of all studies; no file without a failure."""
        rows = self.database.execute("SELECT path, code, reason, remedy FROM failures ORDER BY rowid").fetchall()
        if rows:
            write_failures(self.out_dir / "failures.csv", [Failure(*row) for row in rows])
