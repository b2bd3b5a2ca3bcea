"""Which studies are done, and why others are not: SQLite, so that a kill at any moment leaves it whole.

A study is known by a salted hash of its StudyInstanceUID, a film by one of its SOPInstanceUID; the salt is in the file,
which only its owner can read.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import astuple
from datetime import date
from pathlib import Path
from types import TracebackType

from ..common.atomic import make_folder
from ..common.failures import Failure, write_failures

_OWNER_ONLY = 0o600
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
CREATE TABLE IF NOT EXISTS films (study TEXT, film TEXT, PRIMARY KEY (study, film));  -- that a study was taken up with
CREATE TABLE IF NOT EXISTS settled (
    study TEXT PRIMARY KEY,
    instances INTEGER NOT NULL  -- of a finished study, when it was seen that no film had been added
);
CREATE TABLE IF NOT EXISTS failures (study TEXT, path TEXT, code TEXT, reason TEXT, remedy TEXT);
"""


class Journal:
    """Context manager; one process at a time has it open.

    Args:
        out_dir: gets ``journal.db`` and ``failures.csv``.

    Raises:
        ValueError: another process has it open.
    """

    def __init__(self, out_dir: Path) -> None:
        self.out_dir = out_dir
        make_folder(out_dir)
        path = out_dir / "journal.db"
        self.lock = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, _OWNER_ONLY)
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it when we are killed
        except OSError:
            os.close(self.lock)
            raise ValueError(
                f"{out_dir}: in use; expected one watch or receive per output folder, found another; stop it, or take "
                "another --out"
            ) from None
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, _OWNER_ONLY))
        self.database = sqlite3.connect(path)
        with self.database:
            self.database.executescript(_SCHEMA)
        self.salt = self.read_salt()
        self.write_failures()  # killed between the two

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()
        os.close(self.lock)

    def read_salt(self) -> str:
        """Salt of this journal, made at the first opening."""
        row = self.database.execute("SELECT value FROM salt").fetchone()
        if row is None:
            row = (secrets.token_hex(16),)
            with self.database:
                self.database.execute("INSERT INTO salt VALUES (?)", row)
        return str(row[0])

    def name(self, uid: str) -> str:
        """What a study, or an instance, is called here."""
        return hashlib.sha256(f"{self.salt}{uid}".encode()).hexdigest()[:16]

    def add(self, study: str) -> None:
        """Row of a study, if it is new."""
        row = (study, date.today().isoformat())
        self.database.execute("INSERT OR IGNORE INTO studies (study, first_seen) VALUES (?, ?)", row)

    def open_since(self) -> date:
        """Day from which on a study may be unfinished: of the last complete poll, or of the first that waits."""
        days = self.database.execute(
            "SELECT min(day) FROM (SELECT day FROM polled UNION SELECT first_seen FROM studies WHERE state = 'seen')"
        ).fetchone()[0]
        return date.fromisoformat(days) if days else date.today()

    def polled(self, day: date) -> None:
        """Record that everything that was there on a day is known."""
        with self.database:
            self.database.execute("DELETE FROM polled")
            self.database.execute("INSERT INTO polled VALUES (?)", (day.isoformat(),))

    def unfinished(self) -> list[str]:
        """Studies that are neither done nor refused."""
        return [row[0] for row in self.database.execute("SELECT study FROM studies WHERE state = 'seen'")]

    def is_due(self, study: str, instances: int) -> bool:
        """Whether to take a study up: complete as far as one can tell, not settled, and not put off.

        A study counts as complete when it has as many instances as at the previous call.

        Args:
            study: its name.
            instances: number of its instances now.
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
        """Whether a study is done or refused."""
        row = self.database.execute("SELECT state FROM studies WHERE study = ?", (study,)).fetchone()
        return row is not None and row[0] != "seen"

    def is_settled(self, study: str) -> bool:
        """Whether a study is finished, and has as many instances as when it was seen that no film had been added."""
        row = self.database.execute(
            "SELECT state FROM studies JOIN settled USING (study, instances) WHERE study = ?", (study,)
        ).fetchone()
        return row is not None and row[0] != "seen"

    def settle(self, study: str) -> None:
        """Leave a finished study alone until the number of its instances changes."""
        self.database.execute("UPDATE studies SET attempts = 0, not_before = 0 WHERE study = ?", (study,))
        self.database.execute("REPLACE INTO settled SELECT study, instances FROM studies WHERE study = ?", (study,))

    def begin(self, study: str, films: Sequence[str]) -> bool:
        """Take a study up with its films, or settle it when it is finished and none of them is new.

        Films are compared, not numbers of instances: results, and what others add, change those as well.

        Args:
            study: its name.
            films: SOPInstanceUID of each.

        Returns:
            Whether it is taken up.
        """
        names = {self.name(film) for film in films}
        with self.database:
            (state,) = self.database.execute("SELECT state FROM studies WHERE study = ?", (study,)).fetchone()
            rows = self.database.execute("SELECT film FROM films WHERE study = ?", (study,))
            # Journals of version 0.3.0 have no films of what is done; that is not done again until one is added.
            known = {row[0] for row in rows} or (names if state == "done" else set())
            self.database.executemany("INSERT OR IGNORE INTO films VALUES (?, ?)", [(study, name) for name in names])
            if state != "seen" and names <= known:
                self.settle(study)
                return False
            self.database.execute("UPDATE studies SET state = 'seen' WHERE study = ?", (study,))
            self.database.execute("DELETE FROM settled WHERE study = ?", (study,))
        return True

    def put_off(self, study: str, wait_s: float) -> int:
        """Take a study up again later.

        Args:
            study: its name.
            wait_s: after the first failed attempt; doubled for each further one, at most an hour.

        Returns:
            Number of attempts that failed so far.
        """
        with self.database:
            (attempts,) = self.database.execute(
                "UPDATE studies SET attempts = attempts + 1 WHERE study = ? RETURNING attempts", (study,)
            ).fetchone()
            later = time.time() + min(wait_s * 2 ** min(attempts - 1, 20), 3600)
            self.database.execute("UPDATE studies SET not_before = ? WHERE study = ?", (later, study))
        return int(attempts)

    def finish(self, study: str, state: str, failures: Sequence[Failure]) -> None:
        """Record that a study is ``done`` or ``refused``, and what failed; ``failures.csv`` says it to people.

        What is done is not settled: a film may have been added while its results were made or waited.
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
        """Take a study for a new one when it is found again."""
        with self.database:
            for table in ("studies", "films", "settled"):
                self.database.execute(f"DELETE FROM {table} WHERE study = ?", (study,))

    def forget_finished(self) -> None:
        """Take every finished study for a new one when it is found again."""
        for (study,) in self.database.execute("SELECT study FROM studies WHERE state != 'seen'").fetchall():
            self.forget(study)

    def reopen_refused(self) -> None:
        """Take up every study again that was refused."""
        with self.database:
            self.database.execute(
                "UPDATE studies SET state = 'seen', attempts = 0, not_before = 0 WHERE state = 'refused'"
            )

    def write_failures(self) -> None:
        """Write ``failures.csv`` anew, of all studies so far; none without a failure."""
        rows = self.database.execute("SELECT path, code, reason, remedy FROM failures ORDER BY rowid").fetchall()
        if rows:
            write_failures(self.out_dir / "failures.csv", [Failure(*row) for row in rows])
