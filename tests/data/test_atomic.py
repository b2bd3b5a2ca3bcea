import errno
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from scripts.data.atomic import atomic_write, write_json


def test_error_while_writing_keeps_the_earlier_file_and_leaves_no_other(tmp_path):
    path = tmp_path / "out" / "file.bin"
    with atomic_write(path) as file:
        file.write(b"earlier")
    with pytest.raises(OSError, match="disk"), atomic_write(path) as file:
        file.write(b"half")
        raise OSError("disk full")
    assert path.read_bytes() == b"earlier" and list(path.parent.iterdir()) == [path]


def test_json_without_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"value": float("nan")})
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
