import csv

import numpy as np
import pytest
from PIL import Image
from scripts.dicom import Radiograph, RefusedInput, check_chest_film, read_radiograph, require_chest_film
from scripts.dicom.gate import chest_film
from scripts.dicom.gate.appearance import POSES, Scores, gradient_histogram, mirrored, score_image, thumbnail
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


THRESHOLDS = {"refuse": -1.0, "doubt": 2.0, "sure": 3.0, "lateral_doubt": -2.0, "lateral_refuse": 1.0}


def evaluated(lateral=-9.0, **poses):
    scores = Scores({name: poses.get(name.replace(" ", "_"), -9.0) for name in POSES}, lateral)
    reasons, flags = evaluate_scores(scores, THRESHOLDS)
    return [reason.code for reason in reasons], flags


def test_scores_reject_doubt_and_name_the_pose():
    assert evaluated(upright=9.0) == ([], [])
    assert evaluated(inverted=9.0) == ([], ["image: probably inverted"])
    # A framed film of a child may look like a film in two poses; the better one counts.
    assert evaluated(upright=8.0, inverted=9.0) == ([], ["image: probably inverted"])
    assert evaluated(upright=9.0, inverted=8.0) == ([], [])
    assert evaluated(upright=0.5) == ([], ["image: doubtful that it is a frontal chest film"])
    assert evaluated() == (["NOT_CHEST"], [])


def test_a_lateral_is_rejected_or_flagged_and_never_silent():
    assert evaluated(upright=1.0, lateral=5.0) == (["NOT_FRONTAL"], [])
    assert evaluated(upright=9.0, lateral=5.0) == (["NOT_FRONTAL"], [])
    assert evaluated(upright=9.0, lateral=0.0) == ([], ["image: possibly a lateral view"])
    assert len(evaluated(upright=0.5, lateral=0.0)[1]) == 2
    # An image that looks even less like a lateral than like a frontal film is no chest film.
    assert evaluated(upright=-5.0, lateral=2.0) == (["NOT_CHEST"], [])


@pytest.mark.parametrize(
    ("header", "rejected"),
    [
        ({"body_part": "CHEST", "view": "PA"}, False),
        ({"body_part": None, "view": "PA"}, False),
        ({"body_part": "CHEST", "view": None}, True),
        ({"body_part": None, "view": None}, True),
    ],
)
def test_a_lateral_image_against_the_header_is_flagged(monkeypatch, header, rejected):
    scores = Scores(dict.fromkeys(POSES, 1.0), 9.0)
    monkeypatch.setattr(chest_film, "score_image", lambda image: scores)
    source = Radiograph(noise(256), {"source_format": "dicom", "modality": "DX", "flags": []} | header)
    if rejected:
        with pytest.raises(RefusedInput, match="look of a lateral view") as refusal:
            require_chest_film(source, "x.dcm")
        assert refusal.value.code == "NOT_FRONTAL" and "ViewPosition PA or AP" in refusal.value.remedy
    else:
        assert "lateral view" in require_chest_film(source, "x.dcm")[0]


def film():
    """Two dark lungs, wider and further apart at the base, beside a bright middle and above an abdomen; no detail."""
    rows, columns = np.mgrid[0:1:256j, 0:1:256j]
    image = 0.75 - 0.1 * np.abs(columns - 0.5)
    for side in (-1, 1):
        centre = 0.5 + side * (0.14 + 0.12 * rows)
        inside = ((columns - centre) / (0.1 + 0.1 * rows)) ** 2 + ((rows - 0.45) / 0.33) ** 2
        image -= 0.55 * np.clip(1.3 - inside, 0, 1) * (rows < 0.74)
    return np.clip(image, 0, 1).astype(np.float32)


def grainy():
    """The film with quantum noise."""
    return film() + np.random.default_rng(0).normal(0, 0.03, (256, 256)).astype(np.float32)


def shuttered(image):
    """The film off centre between white shutters, one of which bears a label."""
    framed = np.pad(image, ((90, 60), (140, 10)), constant_values=1)
    framed[20:32, 220:250] = np.random.default_rng(0).random((12, 30)) < 0.5
    return framed


def test_the_collimated_field_is_found():
    image = grainy()
    assert np.abs(thumbnail(shuttered(image)) - thumbnail(image)).mean() < 0.05
    found = score_image(shuttered(image)).poses["upright"]
    assert found == pytest.approx(score_image(image).poses["upright"], abs=1)


def test_an_uneven_exposure_does_not_hide_the_film():
    image = grainy() + np.linspace(0, 2, 256, dtype=np.float32)[:, None]
    assert check_chest_film(Radiograph(image[None] / image.max(), META)) == []


def lateral():
    """A body in profile on a dark ground: one dark lung between a bright spine and the breast, above a diaphragm."""
    rows, columns = np.mgrid[0:1:256j, 0:1:256j]
    left, right = 0.3 - 0.2 * np.sin(np.pi * rows), 0.62 + 0.25 * np.sin(np.pi * rows * 0.8)
    body = np.clip(20 * np.minimum(columns - left, right - columns), 0, 1)
    inside = ((columns - 0.47) / 0.26) ** 2 + ((rows - 0.45) / 0.33) ** 2
    lung = np.clip(1.3 - inside, 0, 1) * (rows < 0.72 - 0.3 * (columns - 0.3))
    spine = np.exp(-(((columns - left - 0.1) / 0.04) ** 2)) * (rows > 0.1)
    return np.clip(body * (0.75 - 0.5 * lung + 0.15 * spine), 0, 1).astype(np.float32)


@pytest.mark.parametrize("image", [lateral(), lateral()[:, ::-1]])
def test_a_lateral_view_is_rejected_by_its_image(image):
    with pytest.raises(RefusedInput, match="look of a lateral view") as refusal:
        require_chest_film(Radiograph(image[None], META), "x.png")
    assert refusal.value.code == "NOT_FRONTAL"


def test_score_knows_neither_window_nor_border_nor_size():
    image, scores = film(), score_image(film()).poses
    changed = {
        "window": image * 0.5 + 0.3,
        "border": np.pad(image, 40),
        "size": np.kron(image, np.ones((3, 3), np.float32)),
    }
    for name, other in changed.items():
        tolerance = 1.0 if name == "border" else 0.15  # the field is found to within a pixel of 256
        assert score_image(other).poses["upright"] == pytest.approx(scores["upright"], abs=tolerance), name


def test_each_pose_is_named_for_what_is_wrong():
    scores = score_image(film()).poses
    wrong = {
        "turned left": np.rot90(film(), 1),  # counter-clockwise
        "turned right": np.rot90(film(), 3),
        "upside down": film()[::-1, ::-1],
        "inverted": 1 - film(),
    }
    for pose, image in wrong.items():
        found = score_image(image).poses
        assert found[pose] == pytest.approx(scores["upright"], abs=0.05), pose
        assert max(found, key=found.get) == pose


def test_scores_do_not_depend_on_the_side_that_the_patient_faces():
    image = grainy() + np.linspace(0, 0.3, 256, dtype=np.float32)
    histogram = gradient_histogram(thumbnail(image))
    assert gradient_histogram(thumbnail(image[:, ::-1])) == pytest.approx(mirrored(histogram), abs=1e-3)
    assert score_image(image[:, ::-1]).lateral == pytest.approx(score_image(image).lateral, abs=0.01)


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
@pytest.mark.parametrize(
    "name", ["veterinary_dog_dx_thorax_mono1_8bit", "wg04_rg2_hip_jpegls", "wg04_rg3_extremity_mono1_jpegls"]
)
def test_dog_hip_and_tibia_are_rejected_by_their_image_alone(name):
    image = read_radiograph(SHARED_DICOM / "negative" / f"{name}.dcm").image
    assert [reason.code for reason in check_chest_film(Radiograph(image, META))] == ["NOT_CHEST"]


def shared_films(table, wanted):
    """Images (1, H, W) of the films of a table of the shared radiographs whose row is wanted."""
    with (CXR / table).open(newline="") as file:
        paths = [CXR / row["image"] for row in csv.DictReader(file) if wanted(row)]
    return [np.asarray(Image.open(path).convert("L"), dtype=np.float32)[None] / 255 for path in paths]


needs_films = pytest.mark.skipif(not CXR.exists(), reason="the shared radiographs are not beside the repository")


@needs_films
def test_laterals_do_not_pass_in_silence():
    images = shared_films("labels_more.csv", lambda row: row["view"] == "LATERAL")
    silent = sum(require(image) == [] for image in images)
    rejected = sum(require(image) is None for image in images)
    assert len(images) == 25
    assert silent <= 1 and rejected >= 15


@needs_films
def test_frontal_films_of_every_source_are_not_rejected():
    for source in ("hannover_covid", "kermany_paediatric", "covid_cohen_new", "openi_samples"):
        images = shared_films(
            "labels_more.csv", lambda row, source=source: (row["source"], row["view"] == "LATERAL") == (source, False)
        )
        assert [require(image) for image in images].count(None) == 0, source
        assert sum(require(image) != [] for image in images) <= 0.25 * len(images), source


@needs_films
def test_a_collimated_film_of_a_child_off_centre_is_not_rejected():
    (image,) = shared_films("labels.csv", lambda row: row["image"] == "nih/00002555_000.jpg")
    assert require(image) is not None


@needs_films
def test_upright_inverted_and_turned_films():
    images = shared_films("labels.csv", lambda row: row["split"] != "train")[::12]
    assert len(images) > 80
    assert [require(image) for image in images].count(None) <= 1
    assert sum(require(1 - image) == ["image: probably inverted"] for image in images) >= 0.8 * len(images)


def require(image):
    """Flags of an image (1, H, W) without a header, or ``None`` if it is rejected."""
    try:
        return require_chest_film(Radiograph(image, META), "x")
    except RefusedInput:
        return None
