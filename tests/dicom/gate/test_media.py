import zipfile

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage
from scripts.dicom.gate.archives import extract_members
from scripts.dicom.gate.study_selection import find_candidates

from ..synthetic import make_dataset, picture, save

VIEWER = [
    "autorun.inf", "VIEWER/viewer.exe", "VIEWER/qt.dll", "VIEWER/LICENSE", "VIEWER/logo.png", "VIEWER/splash.jpg",
    "VIEWER/help.dat", "README", "VIEWER/lang.pak", "VIEWER/data.zip", "VIEWER/libs/image.bin", "icon.gif",
]  # fmt: skip


def write_cd(folder, dicomdir="dicomdir", damaged=False):
    """A patient CD with a viewer and one film, whose name the DICOMDIR has in upper case."""
    for name in VIEWER:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x89PNG\r\n\x1a\n" if name.endswith("png") else b"viewer" * 99)
    film = folder / "dicom" / "pat1" / "im000001"
    film.parent.mkdir(parents=True)
    save(make_dataset(picture()), film)
    if damaged:
        film.write_bytes(bytes(100))
    record, index = Dataset(), Dataset()
    record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", ["DICOM", "PAT1", "IM000001"]
    index.SOPClassUID, index.SOPInstanceUID = MediaStorageDirectoryStorage, "1.2.3"
    index.DirectoryRecordSequence = [record]
    index.file_meta = FileMetaDataset()
    index.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    save(index, folder / dicomdir)
    return film


@pytest.mark.parametrize("dicomdir", ["DICOMDIR", "dicomdir", "DicomDir", "dicomdir.", "DICOMDIR.;1", "DICOMDIR;1"])
def test_only_the_film_of_a_patient_cd_is_a_candidate(tmp_path, dicomdir):
    film = write_cd(tmp_path / "cd", dicomdir)
    other = tmp_path / "film.png"
    other.write_bytes(b"beside the CD")
    assert find_candidates(tmp_path) == [film, other]


def test_a_damaged_film_that_the_dicomdir_names_is_a_candidate(tmp_path):
    film = write_cd(tmp_path, damaged=True)
    assert find_candidates(tmp_path) == [film]


def test_an_unreadable_dicomdir_costs_no_film(tmp_path):
    film = write_cd(tmp_path)
    (tmp_path / "dicomdir").write_bytes(b"broken")
    assert find_candidates(tmp_path) == [film]


@pytest.mark.parametrize("broken", [False, True])
def test_zip_archive_of_a_patient_cd(tmp_path, broken):
    write_cd(tmp_path / "cd")
    if broken:
        (tmp_path / "cd" / "dicomdir").write_bytes(b"broken")
    archive = tmp_path / "cd.zip"
    with zipfile.ZipFile(archive, "w") as content:
        for path in sorted((tmp_path / "cd").rglob("*")):
            content.write(path, path.relative_to(tmp_path))
    members = [member for member in extract_members(archive) if member.path]
    assert [member.name for member in members] == [f"{archive}/cd/dicom/pat1/im000001"]


@pytest.mark.parametrize("name", ["viewer.exe", "qt.dll", "VIEWER.JAR", "setup.MSI", "icon.ico", "checksums.md5"])
def test_programs_are_no_candidates_without_a_dicomdir(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    assert find_candidates(tmp_path) == []
