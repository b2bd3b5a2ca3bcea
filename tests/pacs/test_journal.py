import datetime

import pytest
from scripts.common.failures import Failure, read_failures
from scripts.pacs.journal import Journal


def test_names_are_stable_and_differ_between_journals(tmp_path):
    with Journal(tmp_path / "a") as journal:
        name = journal.name("1.2.3")
    with Journal(tmp_path / "a") as journal:
        assert journal.name("1.2.3") == name
    with Journal(tmp_path / "b") as journal:
        assert journal.name("1.2.3") != name
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.glob("*/journal.*"))


def test_one_process_at_a_time(tmp_path):
    with Journal(tmp_path), pytest.raises(ValueError, match="in use; expected one watch"):
        Journal(tmp_path)
    with Journal(tmp_path):
        pass


def test_study_is_due_when_it_stopped_growing_until_it_is_finished(tmp_path):
    with Journal(tmp_path) as journal:
        assert [journal.is_due("s", count) for count in (1, 2, 2)] == [False, False, True]
        journal.postpone("s", 3600)
        assert not journal.is_due("s", 2) and not journal.is_finished("s")
        journal.finish("s", "done", [])
        journal.reopen_refused()
        assert journal.is_finished("s")
        journal.forget_finished()
        assert not journal.is_finished("s")


def test_finished_study_is_taken_up_again_for_a_new_film_and_for_nothing_else(tmp_path):
    with Journal(tmp_path) as journal:
        assert [journal.is_due("s", 1) for _ in range(2)] == [False, True]
        assert journal.begin("s", ["a"])
        journal.finish("s", "done", [])
        assert journal.is_due("s", 1) and not journal.is_settled("s")  # a film may have come meanwhile
        assert [journal.is_due("s", count) for count in (5, 5)] == [False, True]  # or these are the results
        assert not journal.begin("s", ["a"]) and journal.is_finished("s")
        assert journal.is_settled("s") and not journal.is_due("s", 5)
        assert [journal.is_due("s", count) for count in (6, 6)] == [False, True] and not journal.is_settled("s")
        assert journal.begin("s", ["a", "b"]) and not journal.is_finished("s")
        journal.finish("s", "refused", [])
        assert journal.is_settled("s") and not journal.is_due("s", 6)
        assert [journal.is_due("s", count) for count in (5, 5)] == [False, True]  # one was deleted
        assert not journal.begin("s", ["b"])
        journal.forget("s")
        assert [journal.is_due("s", 1) for _ in range(2)] == [False, True] and journal.begin("s", ["a"])


def test_journal_of_an_earlier_version_makes_nothing_again(tmp_path):
    with Journal(tmp_path) as journal:
        journal.is_due("s", 5)
        journal.finish("s", "done", [])
        journal.database.executescript("DROP TABLE films; DROP TABLE settled")
    with Journal(tmp_path) as journal:
        assert journal.is_due("s", 5) and not journal.begin("s", ["a"]) and journal.is_settled("s")
        assert journal.begin("s", ["a", "b"])


def test_failures_are_those_of_the_last_end_and_survive_a_kill(tmp_path):
    first, second = (Failure("s/1", code, "reason", "remedy") for code in ("A", "B"))
    with Journal(tmp_path) as journal:
        journal.finish("s", "refused", [first])
        journal.finish("s", "done", [second])
        journal.finish("t", "refused", [first])
    assert [failure.code for failure in read_failures(tmp_path / "failures.csv")] == ["B", "A"]
    (tmp_path / "failures.csv").unlink()
    with Journal(tmp_path):
        assert len(read_failures(tmp_path / "failures.csv")) == 2


def test_days_that_may_hold_something_unfinished_stay_open(tmp_path, monkeypatch):
    class Day(datetime.date):
        @classmethod
        def today(cls):
            return cls(2024, 5, cls.number)

    monkeypatch.setattr("scripts.pacs.journal.date", Day)
    with Journal(tmp_path) as journal:
        Day.number = 3
        assert journal.open_since() == datetime.date(2024, 5, 3)
        journal.is_due("s", 1)
        journal.polled(Day.today())
        Day.number = 9
        journal.is_due("t", 1)
        journal.polled(Day.today())
        assert journal.open_since() == datetime.date(2024, 5, 3) and journal.unfinished() == ["s", "t"]
        journal.finish("s", "done", [])
        Day.number = 20  # the PACS was away for ten days
        assert journal.open_since() == datetime.date(2024, 5, 9)
        journal.finish("t", "refused", [])
        assert journal.unfinished() == []
        journal.reopen_refused()
        assert journal.unfinished() == ["t"]
