import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from scripts.common import file_hashes
from scripts.common.file_hashes import content_sha256, file_digests, keep_digest

ROOT = Path(__file__).parents[2]
OLD = 10**18  # nanoseconds: a file that was not changed a moment ago


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Folder of the kept hashes of one test."""
    monkeypatch.setenv("CXR_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def paths(tmp_path):
    """Three files of equal size that were not changed a moment ago."""
    files = [tmp_path / f"doe^jane{number}.png" for number in range(3)]
    for number, path in enumerate(files):
        write(path, b"film %d" % number)
    return files


def write(path, content, time=OLD):
    path.write_bytes(content)
    os.utime(path, ns=(time, time))


@pytest.fixture
def reads(monkeypatch):
    """Names of the files that are read."""
    found, whole = [], file_hashes.file_sha256
    monkeypatch.setattr(file_hashes, "file_sha256", lambda path: (found.append(Path(path).name), whole(path))[1])
    return found


def digests(paths, **options):
    return [row.tobytes().hex() for row in file_digests(paths, **options)]


def expected(paths):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def test_a_file_is_read_once(paths, reads):
    assert digests(paths) == expected(paths) and sorted(reads) == [path.name for path in paths]
    reads.clear()
    assert digests(paths[::-1]) == expected(paths[::-1]) and reads == []


@pytest.mark.parametrize(("content", "time"), [(b"FILM 1", OLD + 1), (b"longer content", OLD)], ids=["time", "size"])
def test_a_changed_file_is_read_again(paths, reads, content, time):
    digests(paths)
    reads.clear()
    write(paths[1], content, time)
    assert digests(paths) == expected(paths) and reads == [paths[1].name]


def test_a_change_of_the_same_size_and_time_is_found_by_reading_all_again(paths, caplog):
    before = digests(paths)
    write(paths[1], b"FILM 1")
    assert digests(paths) == before
    assert digests(paths, again=True) == expected(paths) == digests(paths)
    assert "1 files were changed without a change of their size and time (doe^jane1.png)" in caplog.text


def test_a_file_that_was_changed_a_moment_ago_is_read_again(paths, reads):
    paths[0].write_bytes(b"fresh")
    digests(paths)
    reads.clear()
    assert digests(paths) == expected(paths) and reads == [paths[0].name]


def test_a_file_of_this_program_is_kept_at_once(tmp_path, reads):
    path = tmp_path / "enhanced.png"
    path.write_bytes(b"enhanced")
    keep_digest(path, hashlib.sha256(b"enhanced").hexdigest())
    assert digests([path]) == expected([path]) and reads == []


@pytest.mark.parametrize("damage", [b"", b"no database" * 500, None], ids=["empty", "other", "middle"])
def test_a_damaged_database_is_made_anew(paths, folder, reads, damage):
    digests(paths)
    database = folder / "file_hashes.sqlite"
    content = bytearray(database.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    database.write_bytes(content if damage is None else damage)
    assert digests(paths) == expected(paths)
    reads.clear()
    assert digests(paths) == expected(paths) and reads == []


def test_no_flipped_bit_passes_for_a_hash(paths, folder):
    digests(paths)
    database = folder / "file_hashes.sqlite"
    content, right = database.read_bytes(), expected(paths)
    row = content.index(bytes.fromhex(right[1]))
    for position in range(row - 24, row + 40):  # path, size, time, hash and checksum of the second file
        damaged = bytearray(content)
        damaged[position] ^= 1
        database.write_bytes(damaged)
        assert digests(paths) == right


def test_no_name_is_kept(paths, folder):
    digests(paths)
    assert b"doe" not in (folder / "file_hashes.sqlite").read_bytes()
    assert (folder / "file_hashes.sqlite").stat().st_mode & 0o077 == 0 or os.name == "nt"


def test_a_folder_that_cannot_be_used_costs_only_the_keeping(paths, tmp_path, monkeypatch, caplog, reads):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("CXR_CACHE", str(tmp_path / "file" / "kept"))
    assert digests(paths) == expected(paths) == digests(paths)
    assert "the next run reads the files again; set CXR_CACHE" in caplog.text
    assert len(reads) == 3  # within a process they are known


def test_a_missing_file_is_named(paths):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        digests([*paths, paths[0].with_name("nowhere.png")])


def test_the_hash_of_one_file_follows_its_content(paths):
    assert content_sha256(paths[0]) == expected(paths)[0]
    write(paths[0], b"another length")
    assert content_sha256(paths[0]) == expected(paths)[0]


def test_several_processes_keep_hashes_together(tmp_path):
    for number in range(600):
        write(tmp_path / f"{number:03}.png", b"film %d" % number)
    program = (
        "import sys\nfrom pathlib import Path\nfrom scripts.common import file_hashes\n"
        "whole, reads = file_hashes.file_sha256, []\n"
        "file_hashes.file_sha256 = lambda path: (reads.append(path), whole(path))[1]\n"
        "found = file_hashes.file_digests(sorted(Path(sys.argv[1]).glob('*.png')))\n"
        "print(len(reads), hash(found.tobytes().hex()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bundle"), "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-c", program, str(tmp_path)]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [process.communicate()[0].split() for process in running]
    assert len({answer[1] for answer in answers}) == 1
    assert sum(int(answer[0]) for answer in answers) == 600
