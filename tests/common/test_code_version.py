import shutil

import pytest
from scripts.common.code_version import _SCRIPTS, code_sha256
from scripts.data.image_cache import ImageCache


@pytest.fixture
def package(tmp_path):
    return shutil.copytree(_SCRIPTS, tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))


def version(root):
    code_sha256.cache_clear()
    found = code_sha256(root)
    code_sha256.cache_clear()
    return found


def test_the_same_code_has_the_same_version_wherever_it_lies(package):
    assert version(package) == version(_SCRIPTS) == code_sha256()


def test_a_module_that_is_moved_changed_added_or_removed_makes_another_version(package):
    module = package / "dicom" / "read" / "luts.py"
    versions = {version(package)}
    module.rename(package / "dicom" / "tables.py")
    versions.add(version(package))
    (package / "dicom" / "deeper").mkdir()
    (package / "dicom" / "tables.py").rename(package / "dicom" / "deeper" / "tables.py")
    versions.add(version(package))
    with (package / "dicom" / "deeper" / "tables.py").open("a") as file:
        file.write("\n")
    versions.add(version(package))
    (package / "dicom" / "deeper" / "tables.py").unlink()
    versions.add(version(package))
    assert len(versions) == 5


def test_a_moved_module_makes_other_cache_entries(tmp_path, package, monkeypatch):
    film = tmp_path / "film.png"
    film.write_bytes(b"film")
    entries = [ImageCache(tmp_path, lambda item: item).entry(film)]
    (package / "dicom" / "read" / "luts.py").rename(package / "luts.py")
    moved = version(package)
    monkeypatch.setattr("scripts.data.image_cache.code_sha256", lambda: moved)
    entries.append(ImageCache(tmp_path, lambda item: item).entry(film))
    assert entries[0] != entries[1]
