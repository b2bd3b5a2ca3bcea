from pathlib import Path

import pytest
from scripts.dicom import RefusedInput
from scripts.dicom.gate.study_selection import find_candidates, group_studies, read_instance, surplus

from ..synthetic import make_dataset, picture, save


def write(folder, name, **attributes):
    """A film of the study ``1.2.study``, its SOPInstanceUID from its name."""
    folder.mkdir(parents=True, exist_ok=True)
    return save(
        make_dataset(picture(), **{"SOPInstanceUID": f"1.2.{len(name)}.{ord(name[0])}", **attributes}), folder / name
    )


def study(folder):
    """Names of the only study's instances in order, and the codes of those that are refused."""
    (group,) = group_studies(read_instance(path, path.name) for path in find_candidates(folder))
    return [instance.name for instance in group], [instance.refusal.code for instance in group if instance.refusal]


def test_frontal_view_is_preferred_by_view_then_words_then_neither(tmp_path):
    write(tmp_path, "a", ViewPosition=None)
    write(tmp_path, "b", ViewPosition=None, SeriesDescription="Chest PA")
    write(tmp_path, "c", ViewPosition="AP")
    assert study(tmp_path) == (["c", "b", "a"], [])


@pytest.mark.parametrize(
    ("frontal", "lateral"),
    [
        ("Thorax p.a.", "Thorax seitl."), ("THORAX FACE", "THORAX PROFIL"), ("Tórax frente", "Tórax perfil"),
        ("Torace PA", "Torace LL"), ("Tórax PA", "Tórax perfil"), ("Chest AP", "Chest LAT"), ("Thorax ap", "Thorax"),
    ],
)  # fmt: skip
def test_frontal_film_is_chosen_by_descriptions_in_six_languages(tmp_path, frontal, lateral):
    attributes = {
        "ViewPosition": None,
        "SpecificCharacterSet": "ISO_IR 192",
        "StudyDescription": "Thorax p.a. + seitl.",
    }
    write(tmp_path, "a", SeriesDescription=lateral, **attributes)
    write(tmp_path, "b", SeriesDescription=frontal, **attributes)
    assert study(tmp_path)[0][0] == "b"


@pytest.mark.parametrize("view", ["POSTEROANTERIOR", "FRONTAL", "AP_SUPINE", "p.a."])
def test_other_spellings_of_the_view_are_preferred_too(tmp_path, view):
    write(tmp_path, "a", ViewPosition=None, SeriesDescription="Chest PA")
    write(tmp_path, "b", ViewPosition=view)
    assert study(tmp_path)[0] == ["b", "a"]


def test_primary_then_latest_then_lowest_uid(tmp_path):
    write(tmp_path, "a", ImageType=["DERIVED", "SECONDARY"], AcquisitionDate="20240102", AcquisitionTime="120000")
    write(tmp_path, "b", ImageType=["DERIVED", "PRIMARY"], AcquisitionDate="20240101", AcquisitionTime="100000")
    write(tmp_path, "c", ImageType=["DERIVED", "PRIMARY"], AcquisitionDateTime="20240101110000.5")
    write(tmp_path, "d", SOPInstanceUID="1.2.9", ContentDate="20240101", ContentTime="090000")
    write(tmp_path, "e", SOPInstanceUID="1.2.8", ContentDate="20240101", ContentTime="090000")
    assert study(tmp_path)[0] == ["c", "b", "e", "d", "a"]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"AcquisitionDate": "20240109"}, {"AcquisitionDate": "2024.01.10"}),
        ({"AcquisitionDate": "2024.09.30"}, {"AcquisitionDate": "20241001"}),
        ({"AcquisitionDate": "31.12.2023"}, {"AcquisitionDate": "01.01.2024"}),
        ({"AcquisitionDate": "20240101", "AcquisitionTime": "93000"},
         {"AcquisitionDate": "20240101", "AcquisitionTime": "101500"}),
        ({"AcquisitionDate": "20240101", "AcquisitionTime": "9:30:00"},
         {"AcquisitionDate": "20240101", "AcquisitionTime": "10:15"}),
        ({"AcquisitionDateTime": "20240101120000+0200"}, {"AcquisitionDateTime": "20240101110000+0000"}),
        ({"AcquisitionDateTime": "20240101233000-0500"}, {"AcquisitionDateTime": "20240102060000+0100"}),
        ({"AcquisitionDateTime": "20240101120000", "TimezoneOffsetFromUTC": "+0900"},
         {"AcquisitionDateTime": "20240101040000", "TimezoneOffsetFromUTC": "+0000"}),
        ({"AcquisitionDate": "unknown", "ContentDate": "20240101"}, {"ContentDate": "20240102"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("names", ["ab", "ba"])
def test_the_later_film_whatever_the_form_of_its_date(tmp_path, names, earlier, later):
    write(tmp_path, names[0], **earlier)
    write(tmp_path, names[1], **later)
    assert study(tmp_path)[0] == [names[1], names[0]]


def test_every_instance_is_there_with_its_reason(tmp_path):
    write(tmp_path, "a", ViewPosition="LL")
    write(tmp_path, "b", Modality="CT")
    write(tmp_path, "c")
    write(tmp_path, "d", BodyPartExamined="HAND")
    assert study(tmp_path) == (["c", "a", "b", "d"], ["NOT_FRONTAL", "OTHER_MODALITY", "OTHER_BODY_PART"])


def test_what_has_no_study_stands_alone_in_the_order_of_paths(tmp_path):
    write(tmp_path, "b", StudyInstanceUID="1.2.3")
    write(tmp_path, "c", PresentationIntentType="FOR PROCESSING")
    write(tmp_path, "d", StudyInstanceUID="1.2.3", ViewPosition="LATERAL")
    write(tmp_path, "e", StudyInstanceUID=None)
    (tmp_path / "a.dcm").write_bytes(b"garbage" * 99)
    groups = group_studies(read_instance(path, path.name) for path in find_candidates(tmp_path))
    assert [[instance.name for instance in group] for group in groups] == [["a.dcm"], ["b", "d"], ["c"], ["e"]]
    assert [group[0].refusal and group[0].refusal.code for group in groups] == [
        "NOT_DICOM",
        None,
        "FOR_PROCESSING",
        None,
    ]


def test_broken_date_costs_only_the_preference(tmp_path):
    write(tmp_path, "a", AcquisitionDate="yesterday")
    write(tmp_path, "b", AcquisitionDate="20240101")
    assert sorted(study(tmp_path)[0]) == ["a", "b"]


def test_identifiers_are_hashed(tmp_path):
    instance = read_instance(write(tmp_path, "a"), "a")
    assert len(instance.study) == len(instance.sop_uid) == 16
    assert "." not in instance.study + instance.sop_uid


def test_surplus_tells_a_copy_from_another_film(tmp_path):
    first, copy = (read_instance(write(tmp_path, name, SOPInstanceUID="1.2.3"), name) for name in "ab")
    other = read_instance(write(tmp_path, "c"), "c")
    assert surplus(copy, first).code == "DUPLICATE"
    refusal = surplus(other, first)
    assert isinstance(refusal, RefusedInput)
    assert (refusal.code, refusal.file) == ("SECOND_FRONTAL", "c") and "name the file" in refusal.remedy


@pytest.mark.parametrize("name", [".x", "DICOMDIR", "labels.csv", ".git/x.dcm", "__MACOSX/x.dcm"])
def test_side_files_are_no_candidates(tmp_path, name):
    for path in (tmp_path / name, tmp_path / "IM0"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert find_candidates(tmp_path) == [tmp_path / "IM0"]


def test_folder_below_a_hidden_one_is_searched(tmp_path):
    folder = tmp_path / ".data" / "in"
    folder.mkdir(parents=True)
    (folder / "x").write_bytes(b"x")
    assert find_candidates(Path(folder)) == [folder / "x"]


def test_study_of_two_patients_is_two_studies(tmp_path):
    for name, patient in (("a", "1"), ("b", "2"), ("c", "1"), ("d", None)):
        write(tmp_path, name, StudyInstanceUID="1.2.3", PatientID=patient)
    groups = group_studies(read_instance(path, path.name) for path in find_candidates(tmp_path))
    assert [[instance.name for instance in group] for group in groups] == [["a", "c"], ["b"], ["d"]]


def test_links_are_followed_once_and_a_link_to_nothing_is_named(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "in"
    write(outside / "study", "a")
    write(folder / "study", "b")
    (folder / "linked").symlink_to(outside / "study")
    (folder / "again").symlink_to(folder / "study")
    (folder / "loop").symlink_to(folder)
    (folder / "film").symlink_to(outside / "study" / "a")
    (folder / ".hidden").symlink_to(outside)
    (folder / "gone.dcm").symlink_to(tmp_path / "nothing")
    found = [str(path.relative_to(folder)) for path in find_candidates(folder)]
    assert found == ["film", "gone.dcm", "linked/a", "study/b"]
    refusal = read_instance(folder / "gone.dcm", "gone.dcm").refusal
    assert refusal.code == "MISSING_FILE" and refusal.file == "gone.dcm"


def test_folder_may_have_a_name_with_any_suffix(tmp_path):
    assert find_candidates(tmp_path) == [] and write(tmp_path / "study.txt", "a") in find_candidates(tmp_path)


def test_folder_that_cannot_be_read_is_named_and_costs_the_others_nothing(tmp_path, monkeypatch):
    write(tmp_path / "closed", "a")
    write(tmp_path / "open", "b")
    iterdir = Path.iterdir

    def refuse(path):
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert find_candidates(tmp_path) == [tmp_path / "closed", tmp_path / "open" / "b"]
    refusal = read_instance(tmp_path / "closed", "closed").refusal
    assert "cannot be read" in str(refusal) and "permissions" in refusal.remedy
