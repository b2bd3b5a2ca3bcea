"""Every object from conformant, bare and real sources, judged by dciodvfy."""

from pathlib import Path

import pydicom
import pytest
from scripts.dicom import read_radiograph
from scripts.dicom.objects import (
    load_source,
    write_attention_map,
    write_attention_overlay,
    write_enhanced,
    write_findings_report,
    write_regions,
)

from ..synthetic import SHARED_DICOM, save
from .conformant import ALGORITHM, attention_at, cr, dx, errors, needs_dciodvfy

SHARED = sorted([*(SHARED_DICOM / "chest").glob("*.dcm"), *(SHARED_DICOM / "derived").glob("*.dcm")])


def write_all(path: Path, folder: Path) -> list[Path]:
    """All kinds of objects, and an enhanced image of twice the size."""
    source, image = load_source(path), read_radiograph(path).image[0]
    height, width = image.shape
    boxes = [(0, 0, height // 2, width // 2), (height // 2, 1, height, width // 2)]
    attention = attention_at(image.shape, height // 3, width // 3)
    twice = image.repeat(2, axis=0).repeat(2, axis=1)
    for name, pixels in (("enhanced", image), ("twice", twice)):
        write_enhanced(source, pixels, folder / f"{name}.dcm", description="test", software="test 1")
    write_regions(source, boxes, folder / "regions.dcm", algorithm=ALGORITHM)
    write_attention_overlay(source, image, attention, boxes, folder / "attention.dcm", algorithm=ALGORITHM)
    write_attention_map(source, attention, folder / "attention_map.dcm", algorithm=ALGORITHM)
    labels = ["Mass", "No Finding", "A label that nobody has ever used before"]
    write_findings_report(source, labels, [0.0, 0.5, 1.0], folder / "findings.dcm", algorithm=ALGORITHM)
    return sorted(folder.glob("*.dcm"))


@needs_dciodvfy
def test_sources_of_the_tests_are_conformant(tmp_path):
    assert errors(save(dx(), tmp_path / "dx.dcm")) == []
    assert errors(save(cr(), tmp_path / "cr.dcm")) == []


@needs_dciodvfy
def test_validator_finds_what_is_wrong(tmp_path):
    broken = dx()
    del broken.StudyInstanceUID
    assert errors(save(broken, tmp_path / "broken.dcm")) != []


@needs_dciodvfy
def test_objects_have_no_errors(source_file, tmp_path):
    found = {path.name: errors(path) for path in write_all(source_file, tmp_path / "out")}
    assert len(found) == 6 and not any(found.values()), found


@needs_dciodvfy
@pytest.mark.skipif(not SHARED, reason="the shared DICOM files are not beside the repository")
@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.stem)
def test_objects_of_real_files_have_no_errors(path, tmp_path):
    found = {written.name: errors(written) for written in write_all(path, tmp_path)}
    assert len(found) == 6 and not any(found.values()), found


@needs_dciodvfy
@pytest.mark.parametrize("sex", ["U", "X", "MALE", "w", "Männlich"])
def test_objects_of_a_film_with_an_odd_sex_have_no_errors(sex, tmp_path):
    dataset = cr()
    dataset.SpecificCharacterSet, dataset.PatientSex = "ISO_IR 192", sex
    found = {path.name: errors(path) for path in write_all(save(dataset, tmp_path / "x.dcm"), tmp_path / "out")}
    assert len(found) == 6 and not any(found.values()), found


CHARACTER_SETS = ["ISO 2022 IR 100", "ISO_IR 6", "ISO IR 100", "LATIN1", "", "ISO 2022 IR 6", "XYZ", "ISO-IR 100"]


@needs_dciodvfy
@pytest.mark.parametrize("declared", CHARACTER_SETS)
def test_objects_of_a_film_with_an_odd_character_set_have_no_errors_and_its_name(declared, tmp_path):
    dataset = cr()
    dataset.SpecificCharacterSet, dataset.PatientName = "ISO_IR 100", "Müller^Jörg"
    path = save(dataset, tmp_path / "x.dcm")
    path.write_bytes(with_character_set(path.read_bytes(), declared.encode()))
    for written in write_all(path, tmp_path / "out"):
        assert errors(written) == [], written.name
        assert str(pydicom.dcmread(written).PatientName) == "Müller^Jörg"


def with_character_set(content, declared):
    """The file with another value of SpecificCharacterSet (0008,0005), its text unchanged."""
    head = b"\x08\x00\x05\x00CS"
    assert head + b"\x0a\x00ISO_IR 100" in content
    declared += b" " * (len(declared) % 2)
    return content.replace(head + b"\x0a\x00ISO_IR 100", head + len(declared).to_bytes(2, "little") + declared, 1)


DX_TYPE_1 = [
    "ImageLaterality", "PixelIntensityRelationship", "BurnedInAnnotation", "PatientOrientation", "Modality",
    "LossyImageCompression", "ImagerPixelSpacing", "AnatomicRegionSequence",
]  # fmt: skip


@needs_dciodvfy
@pytest.mark.parametrize("keyword", DX_TYPE_1)
def test_objects_of_an_incomplete_dx_image_have_no_errors(keyword, tmp_path):
    dataset = dx()
    del dataset[keyword]
    found = {path.name: errors(path) for path in write_all(save(dataset, tmp_path / "x.dcm"), tmp_path / "out")}
    assert len(found) == 6 and not any(found.values()), found


@needs_dciodvfy
def test_source_with_invalid_coded_values_gives_objects_without_errors(tmp_path):
    dataset = cr()
    dataset.BodyPartExamined, dataset.BurnedInAnnotation, dataset.Laterality = "Brust?", "MAYBE", "B"
    dataset.PatientOrientation = ["?", "F"]
    found = {path.name: errors(path) for path in write_all(save(dataset, tmp_path / "x.dcm"), tmp_path / "out")}
    assert not any(found.values()), found


def test_objects_stay_in_the_study_and_keep_the_patient(source_file, tmp_path):
    source = pydicom.dcmread(source_file)
    written = [pydicom.dcmread(path) for path in write_all(source_file, tmp_path / "out")]
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "PatientSex", "StudyDate", "AccessionNumber"):
        assert {str(one.get(keyword, "missing")) for one in written} == {str(source.get(keyword, ""))}, keyword
    series = [one.SeriesInstanceUID for one in written]
    assert source.SeriesInstanceUID not in series and len(set(series)) == 5  # both enhanced images share one
    assert len({one.SOPInstanceUID for one in written}) == 6
    assert all("diagnosis" in one.SeriesDescription for one in written)
    assert len({one.SeriesNumber for one in written}) == 5


def test_running_again_gives_the_same_bytes(source_file, tmp_path):
    first = {path.name: path.read_bytes() for path in write_all(source_file, tmp_path / "out")}
    (tmp_path / "out" / "findings.dcm").write_bytes(first["findings.dcm"][:1500])  # cut off, header intact
    assert {path.name: path.read_bytes() for path in write_all(source_file, tmp_path / "out")} == first


def test_elsewhere_the_identifiers_are_the_same_too(source_file, tmp_path):
    uids = [[pydicom.dcmread(path).SOPInstanceUID for path in write_all(source_file, tmp_path / name)] for name in "ab"]
    assert uids[0] == uids[1]


def test_preamble_holds_nothing(source_file, tmp_path):
    assert all(path.read_bytes()[:128] == bytes(128) for path in write_all(source_file, tmp_path / "out"))
