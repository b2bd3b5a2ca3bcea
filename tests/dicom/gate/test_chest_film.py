import csv

import numpy as np
import pytest
from PIL import Image
from scripts.dicom import Radiograph, RefusedInput, check_chest_film, read_radiograph, require_chest_film
from scripts.dicom.gate.appearance import POSES, pose_scores
from scripts.dicom.gate.chest_film import evaluate_scores

from ..synthetic import SHARED_DICOM, make_dataset, picture, save

CXR = SHARED_DICOM.parent / "cxr"


def reasons(tmp_path, **attributes):
    return check_chest_film(read_radiograph(save(make_dataset(picture(), **attributes), tmp_path / "x.dcm")))


def test_chest_film_passes(tmp_path):
    assert reasons(tmp_path) == []
    assert reasons(tmp_path, ViewPosition=None, BodyPartExamined=None) == []
    assert reasons(tmp_path, SeriesDescription="CHEST PA AND LATERAL", ViewPosition=None) == []


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"Modality": "CT"}, "OTHER_MODALITY"),
        ({"BodyPartExamined": "KNEE"}, "OTHER_BODY_PART"),
        ({"ViewPosition": "LL"}, "NOT_FRONTAL"),
        ({"ViewPosition": None, "SeriesDescription": "Chest lateral"}, "NOT_FRONTAL"),
        ({"PatientSpeciesDescription": "Canis lupus familiaris"}, "ANIMAL"),
        ({"StudyDescription": "Canine thorax"}, "ANIMAL"),
    ],
)
def test_each_reason(tmp_path, attributes, code):
    assert [reason.code for reason in reasons(tmp_path, **attributes)] == [code]


def test_require_names_file_type_and_reason(tmp_path):
    meta = read_radiograph(save(make_dataset(picture(), Modality="CT"), tmp_path / "x.dcm")).meta
    with pytest.raises(RefusedInput, match=r"a/x\.dcm: not a frontal chest film.*found CT") as refusal:
        require_chest_film(meta, "a/x.dcm")
    assert refusal.value.code == "OTHER_MODALITY"


META = {"source_format": "png", "flags": []}


def test_figures_of_a_picture():
    strip = np.linspace(0, 1, 400 * 40, dtype=np.float32).reshape(1, 400, 40)
    binary = np.eye(64, dtype=np.float32)[None]
    assert len(check_chest_film(Radiograph(strip, META))) == 1
    assert len(check_chest_film(Radiograph(binary, META))) == 1
    assert len(check_chest_film(Radiograph(strip.reshape(1, 800, 20)[:, ::32], META))) == 1


def noise(side):
    return np.random.default_rng(0).random((1, side, side), dtype=np.float32)


def test_picture_that_is_no_film_is_rejected_and_a_small_one_flagged():
    with pytest.raises(RefusedInput, match="look of a frontal chest film") as refusal:
        require_chest_film(Radiograph(noise(256), META), "x.png")
    assert refusal.value.code == "NOT_CHEST" and "ViewPosition" in refusal.value.remedy
    assert require_chest_film(Radiograph(noise(64), META), "x.png") == ["image: too small to tell a chest film"]


def test_image_against_the_header_is_flagged_not_rejected():
    header = {"source_format": "dicom", "modality": "DX", "body_part": "CHEST", "view": "PA", "flags": []}
    assert "against the header" in require_chest_film(Radiograph(noise(256), header), "x.dcm")[0]
    for absent in ("body_part", "view"):
        assert check_chest_film(Radiograph(noise(256), header | {absent: None}))


def test_scores_reject_doubt_and_name_the_pose():
    scores = dict.fromkeys(POSES, -9.0)
    assert evaluate_scores(scores | {"upright": 9.0}) == ([], [])
    assert evaluate_scores(scores | {"inverted": 9.0}) == ([], ["image: probably inverted"])
    # A film that looks right is right, however well it looks when turned.
    assert evaluate_scores(scores | {"upright": 8.0, "upside down": 9.0}) == ([], [])
    assert "doubtful" in evaluate_scores(scores | {"upright": 0.5})[1][0]
    assert evaluate_scores(scores)[0][0].code == "NOT_CHEST"


def film():
    """Two dark lungs beside a bright middle, below shoulders, above an abdomen; no detail."""
    rows, columns = np.mgrid[0:1:256j, 0:1:256j]
    image = 0.75 - 0.1 * np.abs(columns - 0.5)
    for centre in (0.28, 0.72):
        inside = ((columns - centre) / 0.17) ** 2 + ((rows - 0.45) / 0.32) ** 2
        image -= 0.55 * np.clip(1.3 - inside, 0, 1)
    return np.clip(image, 0, 1).astype(np.float32)


def test_score_knows_neither_window_nor_border_nor_size():
    image, scores = film(), pose_scores(film())
    changed = {
        "window": image * 0.5 + 0.3,
        "border": np.pad(image, 40),
        "size": np.kron(image, np.ones((3, 3), np.float32)),
    }
    for name, other in changed.items():
        tolerance = 1.0 if name == "border" else 0.15  # the border darkens the range, so a little more is cut off
        assert pose_scores(other)["upright"] == pytest.approx(scores["upright"], abs=tolerance), name


def test_each_pose_is_named_for_what_is_wrong():
    scores = pose_scores(film())
    wrong = {
        "turned left": np.rot90(film(), 1),  # counter-clockwise
        "turned right": np.rot90(film(), 3),
        "upside down": film()[::-1, ::-1],
        "inverted": 1 - film(),
    }
    for pose, image in wrong.items():
        assert pose_scores(image)[pose] == pytest.approx(scores["upright"], abs=0.05), pose
        assert max(pose_scores(image), key=pose_scores(image).get) == pose


@pytest.mark.skipif(not SHARED_DICOM.exists(), reason="the shared DICOM files are not beside the repository")
def test_real_files():
    for folder in ("chest", "derived"):
        for path in sorted((SHARED_DICOM / folder).glob("*.dcm")):
            assert require_chest_film(read_radiograph(path), path) is not None, path.name
    for path in sorted((SHARED_DICOM / "negative").glob("*.dcm")):
        try:
            found = check_chest_film(read_radiograph(path))
        except RefusedInput:
            continue
        assert found, path.name


@pytest.mark.skipif(not SHARED_DICOM.exists(), reason="the shared DICOM files are not beside the repository")
@pytest.mark.parametrize("name", ["veterinary_dog_dx_thorax_mono1_8bit", "wg04_rg2_hip_jpegls"])
def test_dog_and_hip_are_rejected_by_their_image_alone(name):
    image = read_radiograph(SHARED_DICOM / "negative" / f"{name}.dcm").image
    assert [reason.code for reason in check_chest_film(Radiograph(image, META))] == ["NOT_CHEST"]


@pytest.mark.skipif(not CXR.exists(), reason="the shared radiographs are not beside the repository")
def test_radiographs_that_were_not_fitted():
    with (CXR / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] != "train"][::12]
    images = [np.asarray(Image.open(CXR / row["image"]).convert("L"), dtype=np.float32)[None] / 255 for row in rows]
    refused = sum(bool(check_chest_film(Radiograph(image, META))) for image in images)
    inverted = sum("image: probably inverted" in flags(1 - image) for image in images)
    assert len(images) > 80
    assert refused <= 0.02 * len(images)
    assert inverted >= 0.8 * len(images)


def flags(image):
    try:
        return require_chest_film(Radiograph(image, META), "x")
    except RefusedInput:
        return []
