import io
import logging

import pytest
from scripts.common import progress
from scripts.common.progress import Progress, _duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Time in seconds, as a list with one entry that a test may set."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("COLUMNS", "60")
    return now


def steps(clock, shown, seconds, count):
    for _ in range(count):
        clock[0] += seconds
        shown.advance()


def test_short_work_leaves_no_line_in_a_log(clock, caplog):
    with caplog.at_level("INFO"), Progress("decoding images", 9, stream=io.StringIO()) as shown:
        steps(clock, shown, 1.0, 9)
    assert caplog.messages == []


def test_a_log_gets_a_line_now_and_then_with_the_time_left(clock, caplog):
    with caplog.at_level("INFO"), Progress("decoding images", 4000, stream=io.StringIO()) as shown:
        steps(clock, shown, 1.0, 100)
    assert caplog.messages[0] == "decoding images: 10 of 4,000, about 66 min left"
    assert [message.split()[2] for message in caplog.messages] == ["10", "40", "70", "100"]


def test_a_day_of_work_does_not_fill_the_log(clock, caplog):
    with caplog.at_level("INFO"), Progress("training steps", 86400, stream=io.StringIO()) as shown:
        steps(clock, shown, 1.0, 86400)
    assert 20 < len(caplog.messages) < 100


def test_a_terminal_has_one_line_that_is_gone_at_the_end(clock, caplog):
    terminal = Terminal()
    with caplog.at_level("INFO"), Progress("decoding images", 100, stream=terminal) as shown:
        steps(clock, shown, 0.5, 50)
        assert "decoding images: 50 of 100, about 25 s left" in terminal.getvalue()
    assert "\n" not in terminal.getvalue() and terminal.getvalue().endswith("\r" + " " * 59 + "\r")
    assert caplog.messages == []


def test_a_line_of_the_log_is_not_written_behind_the_progress_line(clock):
    terminal = Terminal()
    handler = logging.StreamHandler(terminal)
    logging.getLogger().addHandler(handler)
    try:
        with Progress("x" * 100, 100, stream=terminal) as shown:
            steps(clock, shown, 0.5, 10)
            logging.getLogger().warning("rejected")
        logging.getLogger().warning("the end")
    finally:
        logging.getLogger().removeHandler(handler)
    lines = terminal.getvalue().split("\n")
    assert lines[0].endswith("\r" + " " * 59 + "\rrejected") and lines[1] == "the end"
    assert max(len(part) for part in lines[0].split("\r")) == 59  # one line of a terminal with 60 columns


def test_steps_of_an_earlier_run_do_not_count_for_the_time_left(clock, caplog):
    with caplog.at_level("INFO"), Progress("training steps", 95, done=90, stream=io.StringIO()) as shown:
        steps(clock, shown, 10.0, 1)
    assert caplog.messages == ["training steps: 91 of 95, about 40 s left"]


def test_only_the_first_process_says_anything(clock, caplog):
    terminal = Terminal()
    with caplog.at_level("INFO"), Progress("training steps", 100, rank=1, stream=terminal) as shown:
        steps(clock, shown, 10.0, 50)
    assert terminal.getvalue() == "" and caplog.messages == []


def test_an_error_in_the_work_removes_the_line(clock):
    terminal = Terminal()
    with pytest.raises(ValueError, match="broken"):
        for number in Progress("decoding images", 100, stream=terminal).over(range(100)):
            clock[0] += 1.0
            if number == 50:
                raise ValueError("broken")
    assert terminal.getvalue().endswith("\r" + " " * 59 + "\r")


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0 s"), (89, "89 s"), (91, "2 min"), (3600, "60 min"), (12000, "3 h 20 min")]
)
def test_time_is_given_in_the_units_that_a_person_would_use(seconds, shown):
    assert _duration(seconds) == shown
