"""Compares the result files of two models, each trained once or with several seeds, and records it in MLflow."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..common.atomic import write_json
from ..tracking import Tracker
from .comparison import compare_models
from .comparison_table import format_comparison_table
from .disagreement import FILM_PICTURES
from .predictions import OK, Prediction, read_predictions
from .seed_folders import check_seeds_agree, check_settings_of_seeds, first_training, seed_folders

logger = logging.getLogger(__name__)

# Suffixes that are ignored when two cases are compared: the enhanced copy of a JPEG file is a PNG file. The list is
# explicit, because a DICOM file named by its UID ("1.2.840.5") must not lose the last number.
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".dcm", ".dicom", ".nii", ".gz")


def compare_and_record(
    base_dir: str | Path, retrained_dir: str | Path, *, bootstrap: int, seed: int, tracking_uri: str | None = None
) -> dict[str, Any]:
    """Compare two evaluated models, log the table, and record the verdict as an MLflow run ``comparison``.

    The films on which the models disagree most are drawn into the folder ``disagreement`` beside ``comparison.json``.

    Args:
        base_dir: folder of the base model, see :func:`compare`.
        retrained_dir: folder of the re-trained model; ``comparison.json`` is written beside it.
        bootstrap: number of replicates for the 95 % intervals, drawn by patient.
        seed: random seed of the bootstrap.
        tracking_uri: MLflow tracking URI, or ``none``; default: the database beside ``retrained_dir``.

    Returns:
        The content of ``comparison.json``.

    Raises:
        FileNotFoundError: see :func:`compare`.
        ValueError: see :func:`compare`.
    """
    from .disagreement_maps import draw_disagreement  # loads torch

    out = Path(retrained_dir).parent / "comparison.json"
    comparison = compare(base_dir, retrained_dir, out, bootstrap=bootstrap, seed=seed)
    sources = {"base": first_training(base_dir), "retrained": first_training(retrained_dir)}
    draw_disagreement(
        comparison["films"],
        [item.image for item in read_predictions(sources["retrained"])[1]],
        {name: (folder / "model", comparison[f"{name}_model_sha256"][0]) for name, folder in sources.items()},
        out.parent / FILM_PICTURES,
    )
    logger.info("base against re-trained\n%s", format_comparison_table(comparison))
    tracker = Tracker(retrained_dir, "comparison", tracking_uri, sources)
    seeds = [row["seed"] for row in comparison["seeds"]]
    with tracker.recording({"verdict": comparison["verdict"], "seeds": seeds, "bootstrap": bootstrap}):
        tracker.describe("\n\n".join(filter(None, (comparison["sentence"], comparison["control_sentence"]))))
        macro, control = comparison["macro"]["auroc"], comparison["control"] or {}
        low, high = macro["difference_ci"] or (None, None)
        metrics = {"difference": macro["difference"], "difference_low": low, "difference_high": high}
        metrics["control_largest_difference"] = control.get("largest_difference")
        tracker.log_metrics({f"comparison_macro_auroc_{name}": value for name, value in metrics.items()})
        tracker.log_artifacts(out)
    return comparison


def compare(
    base_dir: str | Path, retrained_dir: str | Path, out: str | Path, *, bootstrap: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Compare two evaluated models and write ``comparison.json``.

    Args:
        base_dir: folder with the ``predictions.json`` of the base model, or with one folder for each of its seeds.
        retrained_dir: the same for the re-trained model, with the same seeds.
        out: path of ``comparison.json``.
        bootstrap: number of replicates for the 95 % intervals, drawn by patient.
        seed: random seed of the bootstrap.

    Returns:
        The content of ``comparison.json``.

    Raises:
        FileNotFoundError: one of the models was not evaluated, or a training has no record.
        ValueError: labels, cases or the order of the cases differ; or the seeds of the two models differ, or the
            settings or the data of the seeds of one model.
    """
    check_seeds_agree(base_dir, retrained_dir)
    base, retrained = seed_folders(base_dir), seed_folders(retrained_dir)
    cautions = check_settings_of_seeds(base, retrained)
    seeds: list[int | None] = [*base] or [None]
    base_folders, folders = list(base.values()) or [Path(base_dir)], list(retrained.values()) or [Path(retrained_dir)]
    before = [read_predictions(folder) for folder in base_folders]
    after = [read_predictions(folder) for folder in folders]
    labels, cases, _ = before[0]
    for folder, (other_labels, others, _) in zip([*base_folders, *folders], [*before, *after], strict=True):
        if labels != other_labels:
            raise ValueError(f"{folder}: labels: expected {labels}, found {other_labels}; evaluate on one datalist")
        _check_same_cases(cases, others, str(folder))
    _check_different_weights(base_folders, [weights for _, _, weights in before])
    _check_different_weights(folders, [weights for _, _, weights in after])
    comparison = compare_models(
        labels,
        _probabilities(before),
        _probabilities(after),
        np.asarray([item.targets for item in cases], dtype=np.float64),  # None becomes NaN
        np.asarray([item.group for item in cases]),
        seeds=seeds,
        bootstrap=bootstrap,
        seed=seed,
    )
    comparison["cautions"] += cautions
    comparison |= {f"{arm}_model_sha256": [weights for _, _, weights in read] for arm, read in
                   (("base", before), ("retrained", after))}  # fmt: skip
    write_json(out, comparison)
    return comparison


def _probabilities(trainings: Sequence[tuple[list[str], list[Prediction], str | None]]) -> np.ndarray:
    """Probabilities (K, N, C) of K trainings, whose cases were checked."""
    return np.asarray([[item.probabilities for item in cases] for _, cases, _ in trainings], dtype=np.float64)


def _check_different_weights(folders: Sequence[Path], hashes: Sequence[str | None]) -> None:
    """Reject a copy of a training among the seeds: it would make the chance of training look small.

    Raises:
        ValueError: two folders have the same weights.
    """
    first: dict[str, Path] = {}
    for folder, weights in zip(folders, hashes, strict=True):
        if weights in first:
            raise ValueError(
                f"{folder}: the same weights as {first[weights]}; expected another training for each seed; train this "
                "seed again"
            )
        if weights is not None:
            first[weights] = folder


def _check_same_cases(base: Sequence[Prediction], retrained: Sequence[Prediction], name: str) -> None:
    """Check that both models were evaluated on the same cases in the same order.

    Originals and enhanced copies lie in two folder trees. A case is therefore identified by its path below the common
    folder of its tree, without the suffix of the image format.

    Args:
        base: predictions of the base model.
        retrained: predictions of the re-trained model.
        name: folder of the re-trained model, for the message.

    Raises:
        ValueError: number, order, patient or reference differ, or a case has no prediction or reference.
    """
    if not base or len(base) != len(retrained):
        raise ValueError(f"{name}: expected the {len(base)} cases of the base model, found {len(retrained)}")
    names = zip(_case_names([p.image for p in base]), _case_names([p.image for p in retrained]), strict=True)
    for first, second, (expected, found) in zip(base, retrained, names, strict=True):
        if expected != found or (first.targets, first.group) != (second.targets, second.group):
            raise ValueError(
                f"{name}: expected case '{expected}' with equal reference and patient, found '{found}'; "
                "evaluate both models on the same split of the same datalist"
            )
        for item in (first, second):
            if item.status != OK or item.probabilities is None or item.targets is None or item.group is None:
                raise ValueError(f"{item.image}: expected a prediction and a reference, found none; evaluate it again")


def _case_names(images: Sequence[str]) -> list[str]:
    """Paths below their common folder, without image suffixes.

    Args:
        images: absolute or relative paths of the images of one data set.
    """
    paths = [Path(os.path.abspath(image)) for image in images]
    root = os.path.commonpath([path.parent for path in paths])
    names = []
    for path in paths:
        while path.suffix.lower() in _IMAGE_SUFFIXES:
            path = path.with_suffix("")
        names.append(path.relative_to(root).as_posix())
    return names
