import errno
import io
import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import torch
from safetensors import SafetensorError
from scripts.common.atomic import (
    SHARED,
    atomic_write,
    check_output_folder,
    explained_full_disk,
    full_disk_cause,
    make_file,
    make_folder,
    replace,
    write_json,
)


def test_error_while_writing_keeps_the_earlier_file_and_leaves_no_other(tmp_path):
    path = tmp_path / "out" / "file.bin"
    with atomic_write(path) as file:
        file.write(b"earlier")
    with pytest.raises(OSError, match="disk"), atomic_write(path) as file:
        file.write(b"half")
        raise OSError("disk full")
    assert path.read_bytes() == b"earlier" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("system", "works"), [("nt", True), ("posix", False)])
def test_a_rename_waits_for_another_program_on_windows(tmp_path, monkeypatch, system, works):
    source, target, rename, answers = tmp_path / "a", tmp_path / "b", os.replace, iter([True, True])
    source.touch()

    def replace_open_file(*paths):
        if next(answers, False):
            raise PermissionError(errno.EACCES, "in use by another process")
        rename(*paths)

    with monkeypatch.context() as patched:
        patched.setattr(os, "name", system)
        patched.setattr(os, "replace", replace_open_file)
        try:
            replace(source, target)
        except PermissionError:
            assert not works
    assert target.exists() == works


def test_a_file_may_be_for_its_owner_though_outputs_are_shared(tmp_path, monkeypatch):
    monkeypatch.setenv(SHARED, "1")
    make_file(tmp_path / "salt", owner_only=True)
    assert (tmp_path / "salt").stat().st_mode & 0o077 == 0


def test_json_without_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"value": float("nan")})


def test_json_names_the_key_of_a_number_that_it_cannot_hold(tmp_path):
    content = {"items": [{"age": 1.0}, {"age": float("inf")}], "label": "a"}
    with pytest.raises(ValueError, match=r"x\.json: cannot be written as JSON; .*found items\[1\]\.age: inf"):
        write_json(tmp_path / "x.json", content)
    assert not (tmp_path / "x.json").exists()
    assert not list(tmp_path.iterdir())


def test_full_disk_names_the_file_and_says_how_to_go_on(tmp_path):
    with pytest.raises(OSError, match=r"file\.bin: could not be written .* run the same command again") as found:
        with atomic_write(tmp_path / "file.bin"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert found.value.errno == errno.ENOSPC and not list(tmp_path.iterdir())


def test_threads_that_write_one_file_do_not_disturb_each_other(tmp_path):
    both = threading.Barrier(2)

    def write(content):
        with atomic_write(tmp_path / "file.bin") as file:
            file.write(content)
            both.wait()  # both have their temporary file open

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, [b"first", b"second"]))
    assert (tmp_path / "file.bin").read_bytes() in (b"first", b"second") and len(list(tmp_path.iterdir())) == 1


@pytest.fixture
def umask(monkeypatch):
    """The usual one."""
    monkeypatch.delenv(SHARED, raising=False)
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path):
    return path.stat().st_mode & 0o777


def test_new_folders_and_files_are_for_their_owner_and_those_that_exist_stay_as_they_are(tmp_path, umask):
    (tmp_path / "site").mkdir(mode=0o755)
    with atomic_write(tmp_path / "site" / "a" / "b" / "file.bin") as file:
        assert mode(next((tmp_path / "site" / "a" / "b").iterdir())) == 0o600  # while it is written, too
        file.write(b"x")
    paths = [tmp_path / "site", *sorted((tmp_path / "site").rglob("*"))]
    assert [mode(path) for path in paths] == [0o755, 0o700, 0o700, 0o600]
    make_folder(tmp_path / "site")
    assert mode(tmp_path / "site") == 0o755


def test_shared_outputs_follow_the_umask_and_what_is_never_shared_does_not(tmp_path, umask, monkeypatch):
    monkeypatch.setenv(SHARED, "1")
    with atomic_write(tmp_path / "a" / "file.bin"):
        pass
    make_folder(tmp_path / "b" / "c", owner_only=True)
    assert [mode(tmp_path / name) for name in ("a", "a/file.bin", "b", "b/c")] == [0o755, 0o644, 0o700, 0o700]


def test_database_of_a_library_is_for_its_owner_and_keeps_its_content(tmp_path, umask):
    path = tmp_path / "a" / "features.db"
    for _ in range(2):
        make_file(path)
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE IF NOT EXISTS t (x)")
            database.execute("INSERT INTO t VALUES (1)")
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)
    assert database.execute("SELECT count(*) FROM t").fetchone() == (2,)


_WRITER = """
import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=0).execute("BEGIN IMMEDIATE")
"""


def test_a_database_stays_locked_for_other_processes_while_another_thread_makes_sure_of_its_file(tmp_path):
    path = tmp_path / "hashes.sqlite"
    make_file(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (x)")
        database.execute("BEGIN IMMEDIATE")
        make_file(path)
        other = subprocess.run([sys.executable, "-c", _WRITER, str(path)], capture_output=True, text=True, check=False)
    assert "database is locked" in other.stderr


def test_file_where_a_folder_should_be_is_an_error(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "a")


def test_name_as_long_as_the_file_system_allows_is_written(tmp_path):
    with atomic_write(tmp_path / ("x" * 255)) as file:
        file.write(b"x")
    assert [len(path.name) for path in tmp_path.iterdir()] == [255]


def test_link_in_the_place_of_the_temporary_file_is_not_followed(tmp_path, monkeypatch):
    """A folder that others may write to: they can guess its name."""
    seen = []
    with atomic_write(tmp_path / "file.bin"):
        seen.extend(tmp_path.iterdir())
    seen[0].symlink_to(tmp_path / "victim")
    with atomic_write(tmp_path / "file.bin") as file:
        file.write(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


class FullFile(io.RawIOBase):
    """A file on a full disk."""

    def writable(self):
        return True

    def write(self, _):
        raise OSError(errno.ENOSPC, "No space left on device")


def fills_with_torch():
    torch.save({"a": torch.zeros(10)}, FullFile())


def fills_with_sqlite():
    raise sqlite3.OperationalError("database or disk is full")


def fills_with_numpy():
    raise OSError("1000000 requested and 11248 written")


def fills_with_safetensors():
    raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


def fills_a_quota():
    raise OSError(errno.EDQUOT, "Disk quota exceeded")


FILLERS = [fills_with_torch, fills_with_sqlite, fills_with_numpy, fills_with_safetensors, fills_a_quota]


@pytest.mark.parametrize("fill", FILLERS)
def test_a_full_disk_is_one_line_that_names_the_file_whatever_library_writes(tmp_path, fill):
    with pytest.raises(OSError, match=rf"^{tmp_path}/x: could not be written .*finished so far is kept") as found:
        with explained_full_disk(tmp_path), atomic_write(tmp_path / "x"):  # the outer one does not explain it again
            fill()
    assert found.value.errno == errno.ENOSPC and not list(tmp_path.iterdir())


def test_a_full_disk_below_errors_of_other_libraries_is_found(tmp_path):
    with pytest.raises(OSError, match=rf"^{tmp_path}/x: could not") as found, explained_full_disk(tmp_path):
        try:
            with atomic_write(tmp_path / "x"):
                fills_a_quota()
        except OSError as error:
            raise RuntimeError("Failed to instantiate a component") from error
    assert "instantiate" not in str(found.value)


def test_other_errors_are_not_taken_for_a_full_disk(tmp_path):
    with pytest.raises(PermissionError), explained_full_disk(tmp_path):
        raise PermissionError(errno.EACCES, "Permission denied")


def test_folder_that_cannot_hold_results_is_named_and_none_is_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    for folder in ("file", "file/below", "gone"):
        with pytest.raises(ValueError, match=rf"--out: .*{folder}: results cannot be written here; .* a file at"):
            check_output_folder(tmp_path / folder)
    check_output_folder(tmp_path / "new" / "folder")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(ValueError, match="no permission to write to"):
        check_output_folder(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_error_that_was_raised_again_from_its_own_wrapper_ends_the_search():
    try:
        try:
            raise ValueError("one class only")
        except ValueError as error:
            raise RuntimeError("component") from error
    except RuntimeError as wrapper:
        cause = wrapper.__cause__
        cause.__cause__ = wrapper
    assert full_disk_cause(cause) is None
