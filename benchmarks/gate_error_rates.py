"""Fit the image model of the gate, and measure how often it rejects chest films and accepts other images.

    pip install --no-deps --target NEGATIVES scikit-image pydicom-data       # photographs, textures, other modalities
    python benchmarks/gate_error_rates.py fit DATA NEGATIVES ...             # writes the coefficients
    python benchmarks/gate_error_rates.py validate DATA NEGATIVES ...        # nested cross-validation of fitted sources
    python benchmarks/gate_error_rates.py measure DATA NEGATIVES ...         # shipped coefficients, images not fitted

One idle core takes about five minutes for ``fit``, eight for ``validate`` and one for ``measure``. The folders of the
published numbers: ``skimage/data`` and ``data_store`` of NEGATIVES, and, of the environment,
``pydicom/data/test_files``, ``sklearn/datasets/images`` and ``matplotlib/mpl-data/sample_data``.

The classes are upright frontal chest films, lateral chest films, and other images: every second image of NEGATIVES,
chest films in a wrong pose, parts of chest films, and synthetic limbs, vessels, jaws and breasts. Never fitted are the
other half of NEGATIVES, all radiographs that are no chest films, and the sources with non-commercial or unstated terms,
which are the COVID-19 collection and Open-i. All films that a table calls lateral belong to these two sources. The
fitted laterals are films of NIH ChestX-ray14 whose table calls them frontal.

``fit`` uses every film of the fitted sources, so their error rates come from ``validate``. It has five outer folds by
patient, in each of which the coefficients and all thresholds are fitted on the other four; the thresholds are quantiles
of scores from five inner folds. It also fits without each of the small sources.
"""

from __future__ import annotations

import argparse
import json
import logging
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gate_images import (
    FRONTAL,
    LATERAL,
    OTHER,
    Film,
    cut,
    disturb,
    half,
    is_radiograph,
    patterns,
    read_films,
    read_others,
    read_picture,
    reduced,
    synthetic_other,
)
from scipy.stats import binomtest
from scripts.dicom import read_radiograph
from scripts.dicom.gate import appearance
from scripts.dicom.gate.appearance import COEFFICIENTS, POSES, SIDE, Scores, gradient_histogram, mirrored, thumbnail
from scripts.dicom.gate.chest_film import evaluate_scores
from sklearn.linear_model import LogisticRegression

logger = logging.getLogger(__name__)
FITTED = ("NIH", "NIH 128 px", "Hannover portable", "paediatric")  # sources; the terms of the others forbid it
FOLDS = 5
# Copies of each image for training: cut negatives, reframed frontal and lateral films, synthetic images. Wrong poses,
# parts and halves come from every so many films.
CUTS, REFRAMED, SYNTHETIC, EVERY = 40, {FRONTAL: 2, LATERAL: 40}, 2400, 4
# Share of the frontal films, each source weighted by the square root of its size, beyond each threshold.
SHARES = {"refuse": 0.0005, "doubt": 0.02, "sure": 0.1, "lateral_doubt": 0.02, "lateral_refuse": 0.0005}
LEAST_LATERAL_REFUSE = 1.0  # log odds, for frontal films of sources that were not fitted
STEP, REGULARISATION = 0.002, 0.03  # resolution and L2 strength (scikit-learn's C) of the coefficients
OUTCOMES = ("silent", "doubtful", "lateral?", "pose", "not chest", "lateral")
_SIDE_A, _SIDE_B = "lateral, one side", "lateral, other side"


class Samples(NamedTuple):
    """Histograms for training.

    Attributes:
        features: (N, 512).
        kind: (N,) class.
        group: (N,) source of a film, or kind of another image.
        film: (N,) index of the film, or -1.
        first: (N,) whether it is the film as it is stored.
    """

    features: np.ndarray
    kind: np.ndarray
    group: np.ndarray
    film: np.ndarray
    first: np.ndarray

    def take(self, chosen: np.ndarray) -> Samples:
        """The chosen (N,) rows."""
        return Samples(*(values[chosen] for values in self))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fit", "validate", "measure"))
    parser.add_argument("data", type=Path, help="folder with cxr/labels.csv, cxr/labels_more.csv and dicom/")
    parser.add_argument("negatives", type=Path, nargs="*", help="folders of images that are no chest films")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # some test files are broken on purpose
    others = dict(read_others([arguments.data / "dicom" / "negative", *arguments.negatives]))
    fitted = {name: image for name, image in list(others.items())[::2] if not is_radiograph(name)}
    if arguments.what == "measure":
        measure(arguments.data, {name: image for name, image in others.items() if name not in fitted})
        return
    films = [film for film in read_films(arguments.data / "cxr") if film.source in FITTED]
    samples = collect(films, list(fitted.values()))
    if arguments.what == "fit":
        write(fit(samples, films), films, len(fitted))
    else:
        validate(samples, films)


def collect(films: list[Film], others: list[np.ndarray]) -> Samples:
    """Histograms of all films and of what is made from them, and of other images."""
    rng = np.random.default_rng(0)
    rows: list[tuple[np.ndarray, str, str, int, bool]] = []

    def add(image: np.ndarray, kind: str, group: str, film: int = -1, first: bool = False) -> None:
        rows.append((gradient_histogram(thumbnail(image)).astype(np.float32), kind, group, film, first))

    for index, film in enumerate(films):
        image = read_picture(film.path)
        add(image, film.view, film.source, index, first=True)
        if film.view != OTHER:
            small = reduced(image)
            for _ in range(REFRAMED[film.view]):
                add(disturb(small, rng), film.view, film.source, index)
            if index % EVERY == 0 or film.view == LATERAL:
                thumb = thumbnail(image)
                for undo in list(POSES.values())[1:]:
                    histogram = gradient_histogram(undo(thumb)).astype(np.float32)
                    rows.append((histogram, OTHER, "pose", index, False))
                add(cut(small, rng, (0.25, 0.5)), OTHER, "part", index)
                add(half(small, rng), OTHER, "half", index)
        if index % 1000 == 0:
            logger.info("%d of %d films", index, len(films))
    for image in others:
        for copy in [image, *(cut(reduced(image, 400), rng) for _ in range(CUTS))]:
            add(1 - copy if rng.random() < 0.3 else copy, OTHER, "image")
    for _ in range(SYNTHETIC):
        add(synthetic_other(rng), OTHER, "synthetic")
    features, kind, group, film_index, first = zip(*rows, strict=True)
    return Samples(np.stack(features), np.array(kind), np.array(group), np.array(film_index), np.array(first))


def fit(samples: Samples, films: list[Film]) -> dict[str, Any]:
    """Coefficients and thresholds; the thresholds are quantiles of scores from folds by patient."""
    folds = patient_folds(films, seed=1)[samples.film]
    scored = samples.first & (samples.kind == FRONTAL)
    chest, lateral = np.empty(len(scored)), np.empty(len(scored))
    for fold in range(FOLDS):
        inside = scored & (folds == fold)
        model = regress(samples.take((folds != fold) | (samples.film < 0)))
        chest[inside], lateral[inside] = scores(samples.features[inside], model)
    weights = source_weights(samples.group[scored])
    thresholds = {
        name: quantile(lateral[scored], 1 - share, weights)
        if name.startswith("lateral")
        else quantile(chest[scored], share, weights)
        for name, share in SHARES.items()
    }
    thresholds["lateral_refuse"] = max(thresholds["lateral_refuse"], LEAST_LATERAL_REFUSE)
    return regress(samples) | {name: round(value, 3) for name, value in thresholds.items()}


def regress(samples: Samples) -> dict[str, Any]:
    """Coefficients of an L2 logistic regression in which the three classes have the same weight.

    Laterals that face either side are two classes, each the mirror image of the other.
    """
    samples = samples.take(~(samples.first & (samples.kind == OTHER)))  # films that are measured but not fitted
    lateral = samples.kind == LATERAL
    facing = align(samples.features[lateral])
    flip = np.arange((~lateral).sum()) % 2 == 0  # every second row is mirrored
    rest = np.where(flip[:, None], mirrored(samples.features[~lateral]), samples.features[~lateral])
    features = np.concatenate([rest, facing, mirrored(facing)])
    target = np.concatenate([
        samples.kind[~lateral], np.full(len(facing), _SIDE_A), np.full(len(facing), _SIDE_B)
    ])  # fmt: skip
    weight = np.concatenate([class_weights(samples.take(~lateral)), np.full(2 * len(facing), 0.5 / len(facing))])
    weight *= len(weight) / weight.sum()
    model = LogisticRegression(C=REGULARISATION, max_iter=200, tol=1e-3).fit(features, target, weight)
    coefficients = dict(zip(model.classes_, model.coef_, strict=True))
    bias = dict(zip(model.classes_, model.intercept_, strict=True))
    chest = coefficients[FRONTAL] - coefficients[OTHER]
    sides = coefficients[_SIDE_A] - coefficients[FRONTAL], coefficients[_SIDE_B] - coefficients[FRONTAL]
    return {
        "chest": (chest + mirrored(chest)) / 2,
        "chest_bias": float(bias[FRONTAL] - bias[OTHER]),
        "lateral": (sides[0] + mirrored(sides[1])) / 2,
        "lateral_bias": float((bias[_SIDE_A] + bias[_SIDE_B]) / 2 - bias[FRONTAL]),
    }


def align(features: np.ndarray) -> np.ndarray:
    """Histograms (N, 512) of laterals, mirrored so that all patients face the same side."""
    mean = features[0]
    for _ in range(10):
        same = (features @ mean) >= (mirrored(features) @ mean)
        aligned = np.where(same[:, None], features, mirrored(features))
        mean = aligned.mean(axis=0)
    return aligned


def class_weights(samples: Samples) -> np.ndarray:
    """Weights (N,) of frontal films and other images, which add up to one for each of the two classes."""
    weights = np.empty(len(samples.kind))
    frontal = samples.kind == FRONTAL
    weights[frontal] = source_weights(samples.group[frontal])
    sizes = Counter(samples.group[~frontal])
    weights[~frontal] = [1 / len(sizes) / sizes[group] for group in samples.group[~frontal]]
    return weights


def source_weights(sources: np.ndarray) -> np.ndarray:
    """Weights (N,) that add up to one and give each source the square root of its size."""
    sizes = Counter(sources)
    weights = np.array([sizes[source] ** -0.5 for source in sources])
    return weights / weights.sum()


def quantile(values: np.ndarray, share: float, weights: np.ndarray) -> float:
    """Weighted quantile of values (N,)."""
    order = np.argsort(values)
    return float(np.interp(share, np.cumsum(weights[order]) - weights[order] / 2, values[order]))


def scores(features: np.ndarray, model: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Scores of upright frontal chest films and of laterals for histograms (N, 512)."""
    sides = np.stack([features, mirrored(features)]) @ model["lateral"] + model["lateral_bias"]
    return features @ model["chest"] + model["chest_bias"], sides.max(axis=0)


def patient_folds(films: list[Film], seed: int) -> np.ndarray:
    """Fold of each film, all films of a patient in one; patients with a lateral are dealt out first."""
    rng = np.random.default_rng(seed)
    with_lateral = {film.patient for film in films if film.view == LATERAL}
    patients = rng.permutation(sorted({film.patient for film in films}))
    order = [patient for patient in patients if patient in with_lateral]
    order += [patient for patient in patients if patient not in with_lateral]
    fold = {patient: index % FOLDS for index, patient in enumerate(order)}
    return np.array([fold[film.patient] for film in films])


def validate(samples: Samples, films: list[Film]) -> None:
    """Print the outcomes of each source, every film evaluated by a model of other patients or of other sources."""
    thumbs = [thumbnail(read_picture(film.path)) for film in films]
    folds, sources = patient_folds(films, seed=0), np.array([film.source for film in films])
    parts = [(folds != fold, "{}") for fold in range(FOLDS)]
    parts += [(sources != source, "{}, source not fitted") for source in ("Hannover portable", "paediatric")]
    found: dict[str, Counter[str]] = {}
    for fitted, title in parts:
        model = fit(samples.take(fitted[samples.film] | (samples.film < 0)), films)
        logger.info("%s", {name: round(model[name], 2) for name in SHARES})
        for index in np.flatnonzero(~fitted):
            film, thumb = films[index], thumbs[index]
            count(found, title.format(f"{film.source}, {film.view}"), outcome(thumb, model))
            if film.view == FRONTAL and index % 24 == 0:
                for pose in list(POSES)[1:]:
                    count(found, title.format(f"wrong pose: {pose}"), outcome(put(thumb, pose), model))
    print_table(found)


def count(found: dict[str, Counter[str]], group: str, kind: str) -> None:
    """Count an outcome of a group."""
    found.setdefault(group, Counter())[kind] += 1


def put(thumb: np.ndarray, pose: str) -> np.ndarray:
    """An upright thumbnail in a wrong pose."""
    probe = np.random.default_rng(1).random((SIDE, SIDE))
    redo = next(other for other in POSES.values() if np.allclose(other(POSES[pose](probe)), probe))
    return np.ascontiguousarray(redo(thumb))


def outcome(thumb: np.ndarray, model: dict[str, Any]) -> str:
    """Decision of ``predict`` about an image without a header, from its thumbnail."""
    features = np.stack([gradient_histogram(undo(thumb)) for undo in POSES.values()])
    chest, lateral = scores(features, model)
    reasons, flags = evaluate_scores(Scores(dict(zip(POSES, chest.tolist(), strict=True)), float(lateral[0])), model)
    if reasons:
        return "lateral" if reasons[0].code == "NOT_FRONTAL" else "not chest"
    if not flags:
        return "silent"
    return {"possibly": "lateral?", "probably": "pose"}.get(flags[0].split()[1], "doubtful")


def print_table(found: dict[str, Counter[str]]) -> None:
    """Counts of each outcome, and exact 95 % intervals of the shares of silent and of rejected images."""
    print(f"{'group':38} {'images':>6}", *(f"{name:>9}" for name in OUTCOMES), "   silent, %           rejected, %")
    for name, counts in sorted(found.items()):
        total, rejected = counts.total(), counts["not chest"] + counts["lateral"]
        shares = []
        for count in (counts["silent"], rejected):
            interval = binomtest(count, total).proportion_ci(method="exact")
            shares.append(f"{count / total:6.2%} ({interval.low:.2%} to {interval.high:.2%})")
        print(f"{name:38} {total:6}", *(f"{counts[kind]:9}" for kind in OUTCOMES), "  ", "   ".join(shares))


def write(model: dict[str, Any], films: list[Film], others: int) -> None:
    """Write coefficients, thresholds and provenance."""
    counts = Counter((film.source, film.view) for film in films if film.view != OTHER)
    content = {
        "name": "chest-gate",
        "task": "log odds between an upright frontal chest film, a lateral chest film and another image, from a "
        "64 x 64 thumbnail of ranks",
        "data": {f"{source}, {view}": count for (source, view), count in sorted(counts.items())}
        | {"images of scikit-image, scikit-learn, matplotlib, pydicom and public DICOM test sets": others},
        "attribution": "NIH ChestX-ray14 (Wang et al. 2017, free use with attribution); COVID-19 Image Repository, "
        "Hannover Medical School (ml-workgroup/covid-19-image-repository, CC BY 3.0); paediatric films (Kermany et "
        "al. 2018, doi 10.17632/rscbjbr9sj, CC BY 4.0). The laterals were found by looking at NIH films that their "
        "table calls frontal.",
        "licence": "Apache-2.0",
        "command": "python benchmarks/gate_error_rates.py fit DATA NEGATIVES",
        **{name: model[name] for name in SHARES},
        "step": STEP,
    }
    for name in ("chest", "lateral"):
        content[f"{name}_bias"] = round(model[f"{name}_bias"], 4)
        content[name] = np.rint(model[name] / STEP).astype(int).tolist()
    COEFFICIENTS.write_text(json.dumps(content) + "\n")


def measure(data: Path, held_out: dict[str, np.ndarray]) -> None:
    """Print the outcomes of the shipped coefficients for images that were not fitted, and the names of exceptions."""
    rng = np.random.default_rng(0)
    model = appearance.load_coefficients()
    print("thresholds:", {name: model[name] for name in SHARES})
    found: dict[str, Counter[str]] = {}

    def evaluate(group: str, name: str, thumb: np.ndarray, expected: str) -> None:
        kind = outcome(thumb, model)
        count(found, group, kind)
        if kind != expected:
            print(f"{group}: {name}: {kind}")

    for index, film in enumerate(film for film in read_films(data / "cxr") if film.source not in FITTED):
        image = read_picture(film.path)
        thumb = thumbnail(image)
        evaluate(f"{film.source}, {film.view}", film.path.name, thumb, "silent" if film.view == FRONTAL else "lateral")
        if film.view == FRONTAL:
            pose = list(POSES)[1 + index % (len(POSES) - 1)]
            evaluate("wrong pose", f"{film.path.name} {pose}", put(thumb, pose), "pose")
            evaluate("half of a chest film", film.path.name, thumbnail(half(image, rng)), "not chest")
    for path in sorted(path for folder in ("chest", "derived") for path in (data / "dicom" / folder).iterdir()):
        evaluate("real DICOM chest films", path.name, thumbnail(read_radiograph(path).image[0]), "silent")
    for name, image in held_out.items():
        group = "other radiographs" if is_radiograph(name) else "negatives held out"
        evaluate(group, name, thumbnail(image), "not chest")
    for index, image in enumerate(patterns(rng)):
        evaluate("noise, gradients", str(index), thumbnail(np.asarray(image)), "not chest")
    print_table(found)


if __name__ == "__main__":
    main()
