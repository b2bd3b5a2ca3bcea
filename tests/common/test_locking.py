import errno
import os
import re
import subprocess
import sys

import pytest
from scripts.common.locking import OutputLock, locked_file
from scripts.workflow import BUNDLE_ROOT

HOLD = """
import sys
from pathlib import Path
from scripts.common.locking import OutputLock
lock = OutputLock(Path(sys.argv[1]), "training")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other_run(tmp_path):
    """Another process that holds the lock of ``tmp_path`` until it is killed."""
    environment = {**os.environ, "PYTHONPATH": str(BUNDLE_ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    assert process.stdout.readline() == b"locked\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_run_of_the_kind_is_rejected_by_name_until_the_first_ends(tmp_path, other_run):
    with pytest.raises(
        ValueError, match=rf"output_dir: {re.escape(str(tmp_path))}: another run.*process {other_run.pid}; wait"
    ):
        OutputLock(tmp_path, "training")
    OutputLock(tmp_path, "evaluating").release()
    other_run.kill()
    other_run.wait()
    OutputLock(tmp_path, "training").release()
    assert list(tmp_path.iterdir()) == []


def test_a_process_may_take_its_own_lock_again_and_leaves_nothing(tmp_path):
    with OutputLock(tmp_path / "new", "training"):
        OutputLock(tmp_path / "new", "training").release()
        assert (tmp_path / "new" / ".training.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_files_stays(tmp_path):
    with OutputLock(tmp_path / "new", "training"):
        (tmp_path / "new" / "result").touch()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["result"]


def test_a_locked_file_is_for_one_process_at_a_time(tmp_path):
    path = tmp_path / "x.lock"
    with locked_file(path), pytest.raises(TimeoutError, match="another process has held"), locked_file(path, 0.0):
        pass
    with locked_file(path, 0.0):
        pass


def test_a_process_that_was_killed_leaves_no_lock(tmp_path, other_run):
    with pytest.raises(TimeoutError), locked_file(tmp_path / ".training.lock", 0.2):
        pass
    other_run.kill()
    other_run.wait()
    with locked_file(tmp_path / ".training.lock", 0.2):
        pass


def test_a_file_system_without_locks_is_an_error(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def missing(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", missing)
    with pytest.raises(OSError, match="not implemented"), locked_file(tmp_path / "x.lock"):
        pass
