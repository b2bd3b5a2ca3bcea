import csv
import json

import numpy as np
import pydicom
import pytest
import torch
import torch.nn.functional as F
from scripts.dicom import read_radiograph
from scripts.dicom.gate.chest_film import check_chest_film
from scripts.phantom import FINE_GRADES, GRADES, PHANTOM_LABELS, make_phantom, write_phantom_studies
from scripts.phantom.phantom_studies import _plan
from scripts.phantom.rasterizing import Pose, Strokes, draw_strokes, enlarge

EVERY_GRADE = [(label, grade) for label, grades in GRADES.items() for grade in grades]


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms")
    table = write_phantom_studies(folder, n_patients=12, seed=3, size=128)
    with table.open(newline="") as file:
        return folder, list(csv.DictReader(file))


def reduced(image, size):
    """Antialiased, as a classifier's input."""
    tensor = torch.from_numpy(np.asarray(image, np.float64))[None, None]
    return F.interpolate(tensor, size=(size, size), mode="bilinear", antialias=True)[0, 0].numpy()


def detectability(findings, size):
    """Norm of the difference that a finding makes, over the standard deviation of the noise where it makes one."""
    with_, without = (make_phantom(0, 1, 1, case, 1024, noise=0).image.astype(float) for case in (findings, None))
    noise = make_phantom(0, 1, 1, None, 1024).image - without
    changed = reduced(with_ != without, size) > 0.5
    return np.linalg.norm(reduced(with_ - without, size)) / reduced(noise, size)[changed].std()


def correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


def test_equal_input_gives_equal_phantom():
    findings = {"Edema": "alveolar", "Pneumonia": "lobar", "Lung Opacity": "nodular"}
    first, second = (make_phantom(5, 2, 1, findings, 128) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert first.boxes == second.boxes
    assert all(np.array_equal(first.masks[label], second.masks[label]) for label in findings)
    assert not np.array_equal(first.image, make_phantom(6, 2, 1, findings, 128).image)


@pytest.mark.parametrize("size", [96, 256, 333])
def test_any_size_shows_the_same_film(size):
    image = make_phantom(0, 1, 1, None, size).image
    assert image.shape == (size, size)
    assert image.dtype == np.uint16
    assert image.max() <= 4095
    assert correlation(reduced(image, 64), reduced(make_phantom(0, 1, 1, None, 512).image, 64)) > 0.995


def test_film_is_a_chest_with_bone_bright():
    phantom = make_phantom(0, 1, 1, None, 256)
    level = phantom.image / 4095
    lungs = [level[90:150, 45:75].mean(), level[90:150, 180:210].mean()]
    spine, abdomen = level[200:240, 120:136].mean(), level[220:245, 40:90].mean()
    assert max(lungs) < 0.5 * abdomen < 0.5 * spine
    assert level[:10, :10].max() < 0.05
    # The heart reaches further to the patient's left, which is the image's right.
    assert level[150:170, 150:175].mean() > 1.3 * level[150:170, 80:105].mean()


def test_patient_keeps_anatomy_between_studies():
    first, second, other = (make_phantom(0, *key, None, 128) for key in ((1, 1), (1, 2), (2, 1)))
    assert first.anatomy == second.anatomy != other.anatomy
    assert not np.array_equal(first.image, second.image)


@pytest.mark.parametrize(("label", "grade"), EVERY_GRADE)
def test_mask_box_and_change_agree(label, grade):
    size = 512
    phantom, healthy = make_phantom(0, 4, 1, {label: grade}, size), make_phantom(0, 4, 1, None, size)
    mask = phantom.masks[label]
    assert list(phantom.masks) == [label]
    assert mask.dtype == bool
    assert 0.0005 < mask.mean() < 0.35
    boxed = np.zeros_like(mask)
    for box in phantom.boxes:
        x, y, width, height = box["xywh"]
        assert box["label"] == label
        assert 0 <= x < x + width <= size
        assert 0 <= y < y + height <= size
        boxed[y : y + height, x : x + width] = True
    assert not (mask & ~boxed).any()
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert min(box["xywh"][0] for box in phantom.boxes) == columns[0]
    assert max(box["xywh"][1] + box["xywh"][3] for box in phantom.boxes) == rows[-1] + 1
    # Equal noise, so what differs is the finding: it lies in its mask far more than elsewhere.
    difference = np.abs(phantom.image.astype(float) - healthy.image)
    assert difference[mask].mean() > 4 * np.median(difference[~boxed])
    assert phantom.fine_detail == ({label} if FINE_GRADES.get(label) == grade else set())


def test_findings_do_not_depend_on_each_other():
    one, two = ({"Pneumonia": "lobar"}, {"Pneumonia": "lobar", "Edema": "interstitial"})
    assert np.array_equal(*(make_phantom(0, 3, 1, case, 128).masks["Pneumonia"] for case in (one, two)))


@pytest.mark.parametrize("label", FINE_GRADES)
def test_fine_detail_is_lost_at_224_pixels_and_gross_findings_are_not(label):
    gross = next(grade for grade in GRADES[label] if grade != FINE_GRADES[label])
    fine, native = (detectability({label: FINE_GRADES[label]}, size) for size in (224, 1024))
    assert native > 50
    assert fine < 0.45 * native
    assert detectability({label: gross}, 224) > 0.95 * detectability({label: gross}, 1024)


@pytest.mark.parametrize("label", FINE_GRADES)
def test_fine_detail_leaves_the_mean_density(label):
    images = [make_phantom(0, 1, 1, case, 1024, noise=0).image for case in ({label: FINE_GRADES[label]}, None)]
    difference = images[0].astype(float) - images[1]
    assert np.abs(reduced(difference, 32)).max() < 0.03 * np.abs(difference).max()


def test_stroke_keeps_its_integral_at_any_size():
    spot = Strokes(*(np.array([value]) for value in (0.1, -0.2, 0.01, 1e-3)))
    for size in (64, 300, 1024):
        assert draw_strokes(spot, Pose(), size).sum() * (2 / size) ** 2 == pytest.approx(1e-3, rel=0.05)


def test_enlarge_keeps_positions():
    ramp = np.tile((np.arange(8, dtype=np.float32) + 0.5) / 8, (8, 1))
    expected = (np.arange(48) + 0.5) / 48
    assert enlarge(ramp, 48)[20, 3:-3] == pytest.approx(expected[3:-3], abs=1e-6)
    assert enlarge(ramp.T, 48)[3:-3, 20] == pytest.approx(expected[3:-3], abs=1e-6)


@pytest.mark.parametrize("findings", [{"Fracture": "mild"}, {"Edema": "severe"}])
def test_unknown_finding_or_grade_is_refused(findings):
    with pytest.raises(ValueError, match=r"expected one of .*; did you mean"):
        make_phantom(0, 1, 1, findings, 64)


def test_labels_csv(studies):
    folder, rows = studies
    assert list(rows[0]) == ["image", "patient_id", "study_uid", "view", "sex", "age", "boxes", *PHANTOM_LABELS]
    assert all((folder / row["image"]).is_file() for row in rows)
    assert len({row["patient_id"] for row in rows}) == 12
    assert len({row["study_uid"] for row in rows}) == len(rows) > 12
    assert "SYNTHETIC" in (folder / "README.txt").read_text()
    for row in rows:
        assert {box["label"] for box in json.loads(row["boxes"])} <= {
            name for name in PHANTOM_LABELS if row[name] == "1"
        }


def test_dicom_reads_back(studies):
    folder, rows = studies
    path = folder / rows[0]["image"]
    dataset = pydicom.dcmread(path)
    assert dataset.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
    assert dataset.SOPClassUID == pydicom.uid.DigitalXRayImageStorageForPresentation
    assert (dataset.Modality, dataset.ViewPosition, dataset.BodyPartExamined) == ("DX", "PA", "CHEST")
    assert (dataset.BitsAllocated, dataset.BitsStored, dataset.PhotometricInterpretation) == (16, 12, "MONOCHROME2")
    assert (dataset.WindowCenter, dataset.WindowWidth) == (2048, 4096)
    assert float(dataset.ImagerPixelSpacing[0]) * dataset.Rows == pytest.approx(350, abs=0.01)
    assert str(dataset.PatientName).startswith("SYNTHETIC^PHANTOM")
    assert "SYNTHETIC" in dataset.SeriesDescription
    assert dataset.BurnedInAnnotation == "NO"
    radiograph = read_radiograph(path)
    assert radiograph.image[0] == pytest.approx(dataset.pixel_array / 4095, abs=1e-6)
    assert check_chest_film(radiograph) == []


def test_equal_seeds_give_equal_files(studies, tmp_path):
    folder, rows = studies
    write_phantom_studies(tmp_path, n_patients=2, seed=3, size=128)
    assert (tmp_path / rows[0]["image"]).read_bytes() == (folder / rows[0]["image"]).read_bytes()


@pytest.mark.parametrize(("share", "expected"), [(0.0, {False}), (0.3, {False, True}), (1.0, {True})])
def test_share_of_fine_detail(share, expected):
    findings = [study.findings for study in _plan(40, 0, share)]
    for label, fine in FINE_GRADES.items():
        assert {case[label] == fine for case in findings if label in case} == expected
