"""Fit the chest gate's image model, and measure how often it rejects chest films and accepts other images.

    pip install --no-deps --target NEGATIVES scikit-image pydicom-data         # photographs, textures, other modalities
    python benchmarks/gate_error_rates.py fit ../shared/data NEGATIVES ...     # writes the coefficients, then measures
    python benchmarks/gate_error_rates.py measure ../shared/data NEGATIVES ... # half a minute on one core

The folders of the published figures: ``skimage/data`` and ``data_store`` of NEGATIVES, and, of the environment,
``pydicom/data/test_files``, ``sklearn/datasets/images`` and ``matplotlib/mpl-data/sample_data``.

Fitted on the NIH *training* images against photographs, other modalities, parts and wrong poses of chest films.
Held out: NIH validation and test patients, the whole COVID-19 collection (another domain), every second negative
image, and *all* radiographs that are no frontal chest film (dog, hip, tibia). There is no human lateral among them.
"""

from __future__ import annotations

import argparse
import csv
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from scripts.dicom import RefusedInput, read_radiograph
from scripts.dicom.gate.appearance import COEFFICIENTS, POSES, SIDE, gradient_histogram, pose_scores, thumbnail
from sklearn.linear_model import LogisticRegression

PICTURES = {".png", ".jpg", ".jpeg"}
RADIOGRAPHS = ("dog", "hip", "extremity", "RG3")  # never fitted
CHEST_FILES = ("RG1",)
# Copies of a negative cut, of a film framed otherwise; every so many films halved; cross-validated shares of the films
# below each threshold; resolution and L2 strength (scikit-learn's C) of the coefficients.
CROPS, FRAMINGS, HALVES = 10, 2, 4
SHARES = {"refuse": 0.002, "doubt": 0.02, "sure": 0.05}
STEP, REGULARISATION = 0.002, 0.03
rng = np.random.default_rng(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fit", "measure"))
    parser.add_argument("data", type=Path, help="folder with cxr/labels.csv and dicom/")
    parser.add_argument("negatives", type=Path, nargs="*", help="folders of images that are no chest films")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    negatives = dict(read_negatives([arguments.data / "dicom" / "negative", *arguments.negatives]))
    fitted = {name: image for name, image in list(negatives.items())[::2] if not is_radiograph(name)}
    if arguments.what == "fit":
        fit(arguments.data / "cxr", list(fitted.values()))
    measure(arguments.data, {name: image for name, image in negatives.items() if name not in fitted})


def fit(cxr: Path, negatives: list[np.ndarray]) -> None:
    """Write the coefficients; thresholds are quantiles of five-fold cross-validated scores, by patient."""
    rows = [row for row in read_rows(cxr) if row["split"] == "train"]
    images = [read_picture(cxr / row["image"]) for row in rows]
    films = features([*images, *(disturb(image) for _ in range(FRAMINGS) for image in images)])
    owner = np.array([row["patient_id"] for row in rows] * (1 + FRAMINGS))
    groups = [
        features([crop for image in negatives for crop in [image, *(cut(image) for _ in range(CROPS))]]),
        features([half(image) for image in images[::HALVES]]),
        np.stack([
            gradient_histogram(undo(thumbnail(image)))
            for image in images[::HALVES]
            for pose, undo in POSES.items()
            if pose != "upright"
        ]),
    ]  # fmt: skip
    others = np.concatenate(groups)
    weight = np.concatenate([np.full(len(group), len(films) / len(group) / len(groups)) for group in groups])
    scores = np.empty(len(films))
    fold = {patient: index % 5 for index, patient in enumerate(sorted(set(owner)))}
    folds = np.array([fold[patient] for patient in owner])
    for index in range(5):
        model = regress(films[folds != index], others, weight)
        scores[folds == index] = model.decision_function(films[folds == index])
    model = regress(films, others, weight)
    original = scores[: len(images)]
    content = {
        "name": "chest-gate",
        "task": "log odds that a 64 x 64 thumbnail of ranks is an upright frontal chest film",
        "data": f"NIH ChestX-ray14, {len(images)} training images of a published selection (attribution in "
        f"docs/data_license.txt), against {len(negatives)} images of scikit-image, pydicom and public DICOM test sets",
        "licence": "Apache-2.0",
        "command": "python benchmarks/gate_error_rates.py fit DATA NEGATIVES",
        **{name: round(float(np.quantile(original, share)), 3) for name, share in SHARES.items()},
        "bias": round(float(model.intercept_[0]), 4),
        "step": STEP,
        "weights": np.rint(model.coef_[0] / STEP).astype(int).tolist(),
    }
    COEFFICIENTS.parent.mkdir(parents=True, exist_ok=True)
    COEFFICIENTS.write_text(json.dumps(content) + "\n")


def regress(films: np.ndarray, others: np.ndarray, weight: np.ndarray) -> LogisticRegression:
    """L2 logistic regression, films and others weighing the same."""
    target = np.r_[np.ones(len(films)), np.zeros(len(others))]
    weights = np.r_[np.ones(len(films)), weight]
    return LogisticRegression(C=REGULARISATION, max_iter=3000).fit(np.concatenate([films, others]), target, weights)


def measure(data: Path, negatives: dict[str, np.ndarray]) -> None:
    """Print the shares accepted, flagged and rejected of each held-out group."""
    model = json.loads(COEFFICIENTS.read_text())
    rows = read_rows(data / "cxr")
    groups: dict[str, list[np.ndarray]] = {}
    for row in rows:
        name = "NIH train (fitted)" if row["split"] == "train" else "NIH held out"
        groups.setdefault(name if row["image"].startswith("nih/") else "COVID-19 collection", []).append(
            read_picture(data / "cxr" / row["image"])
        )
    groups["real DICOM chest films"] = [
        read_radiograph(path).image[0]
        for folder in ("chest", "derived")
        for path in (data / "dicom" / folder).iterdir()
    ]
    held_out = groups["NIH held out"][::4]
    for pose, undo in list(POSES.items())[1:]:
        redo = next(name for name, other in POSES.items() if np.allclose(other(undo(PROBE)), PROBE))
        groups[f"NIH held out, {pose}"] = [POSES[redo](image) for image in held_out]
    groups["half of a chest film"] = [half(image) for image in held_out]
    groups["noise, gradients"] = [np.asarray(image) for image in patterns()]
    groups["negatives held out"] = [image for name, image in negatives.items() if not is_radiograph(name)]
    groups["other radiographs"] = [image for name, image in negatives.items() if is_radiograph(name)]
    print("thresholds:", {name: model[name] for name in SHARES})
    print(f"{'group':38} {'images':>6} {'accepted':>9} {'doubt':>7} {'pose':>7} {'rejected':>8}")
    for name, images in groups.items():
        outcomes = [outcome(pose_scores(image), model) for image in images]
        shares = [outcomes.count(kind) / len(outcomes) for kind in ("accepted", "doubt", "pose", "rejected")]
        print(f"{name:38} {len(images):6} {shares[0]:9.2%} {shares[1]:7.2%} {shares[2]:7.2%} {shares[3]:8.2%}")
    for name, image in negatives.items():
        if is_radiograph(name) or outcome(pose_scores(image), model) != "rejected":
            print(f"  {name}: {outcome(pose_scores(image), model)}")


PROBE = np.random.default_rng(1).random((SIDE, SIDE))


def outcome(scores: dict[str, float], model: dict) -> str:
    """Decision of ``predict`` about an image with these scores."""
    from scripts.dicom.gate.chest_film import evaluate_scores

    reasons, flags = evaluate_scores(scores)
    if reasons:
        return "rejected"
    if not flags:
        return "accepted"
    return "pose" if "probably" in flags[0] else "doubt"


def is_radiograph(name: str) -> bool:
    """Whether an image is a radiograph of something else, by the name of its file."""
    return any(word in name for word in RADIOGRAPHS)


def features(images: list[np.ndarray]) -> np.ndarray:
    """Features (N, 512)."""
    return np.stack([gradient_histogram(thumbnail(image)) for image in images])


def read_rows(cxr: Path) -> list[dict[str, str]]:
    """Rows of the labels table."""
    with (cxr / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def read_picture(path: Path) -> np.ndarray:
    """Grey picture (H, W) in [0, 1]; colours are averaged."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"), dtype=np.float32) / 255


def read_negatives(folders: list[Path]) -> Iterator[tuple[str, np.ndarray]]:
    """Name and image of every readable picture and DICOM image below folders, near-copies left out."""
    seen: list[np.ndarray] = []
    for path in sorted((path for folder in folders for path in folder.rglob("*")), key=lambda path: path.name):
        try:
            image = read_picture(path) if path.suffix.lower() in PICTURES else read_dicom(path)
        except Exception:  # not an image, or one that nothing here decodes
            continue
        if image is None or path.name.startswith(CHEST_FILES) or min(image.shape) < 32 or image.std() < 1e-3:
            continue
        thumb = thumbnail(image) - 0.5
        thumb /= max(float(np.linalg.norm(thumb)), 1e-6)
        if all(float((thumb * other).sum()) < 0.95 for other in seen):
            seen.append(thumb)
            yield path.name, image


def read_dicom(path: Path) -> np.ndarray | None:
    """First frame (H, W) in [0, 1] of a DICOM image of any modality; ``None`` for another file."""
    import pydicom

    if path.suffix.lower() != ".dcm":
        return None
    try:
        return read_radiograph(path).image[0]
    except RefusedInput:
        pixels = np.asarray(pydicom.dcmread(path).pixel_array, dtype=np.float32)
        while pixels.ndim > 3 or (pixels.ndim == 3 and pixels.shape[-1] != 3):
            pixels = pixels[0]
        pixels = pixels.mean(-1) if pixels.ndim == 3 else pixels
        return (pixels - pixels.min()) / max(float(np.ptp(pixels)), 1.0)


def disturb(image: np.ndarray) -> np.ndarray:
    """A chest film framed otherwise: sides cut by up to 22 % or widened by up to 8 %, a little rotation."""
    height, width = image.shape
    picture = Image.fromarray(image).rotate(float(rng.uniform(-8, 8)), Image.Resampling.BILINEAR)
    top, bottom, left, right = rng.uniform(-0.08, 0.22, 4)
    box = (int(left * width), int(top * height), int((1 - right) * width), int((1 - bottom) * height))
    return np.asarray(picture.crop(box))


def cut(image: np.ndarray) -> np.ndarray:
    """A random part of an image, turned, flipped, sometimes inverted."""
    share = rng.uniform(0.5, 1)
    height, width = (max(16, int(side * share)) for side in image.shape)
    row, column = (
        int(rng.integers(0, side - part + 1)) for side, part in zip(image.shape, (height, width), strict=True)
    )
    part = np.rot90(image[row : row + height, column : column + width], int(rng.integers(4)))
    part = part[:, :: int(rng.choice([-1, 1]))]
    return 1 - part if rng.random() < 0.3 else part


def half(image: np.ndarray) -> np.ndarray:
    """Left or right half of a film."""
    middle = image.shape[1] // 2
    return image[:, :middle] if rng.random() < 0.5 else image[:, middle:]


def patterns() -> Iterator[np.ndarray]:
    """Noise of several grains, and smooth gradients."""
    rows, columns = np.mgrid[-1:1:256j, -1:1:256j]
    for _ in range(20):
        for grain in (2, 4, 8, 16, 64, 256):
            noise = Image.fromarray(rng.random((grain, grain)).astype(np.float32))
            yield np.asarray(noise.resize((256, 256), Image.Resampling.BILINEAR))
        slope = rng.normal(size=3)
        ramp = slope[0] * rows + slope[1] * columns + slope[2] * (rows**2 + columns**2)
        yield ((ramp - ramp.min()) / np.ptp(ramp)).astype(np.float32)


if __name__ == "__main__":
    main()
