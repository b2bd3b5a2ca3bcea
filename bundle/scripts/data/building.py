"""Builds datalists from a CSV, a folder of studies or a public data set, with its own split or a new one by patient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..common.failures import Failure
from ..common.refusal import RefusedInput
from .datalist import Datalist, check_duplicates
from .label_aliases import match_labels
from .layouts import read_layout
from .sources import failure, read_csv_items, read_folder_items
from .splitting import SPLITS, assert_no_leak, split_by_patient

_VALIDATION_SHARE = 0.1  # of the training images, for a data set with a test split and no validation split


def build_from_csv(
    csv: str | Path,
    *,
    labels: Sequence[str] | None = None,
    seed: int = 0,
    fractions: Sequence[float] = (0.7, 0.1, 0.2),
    image_root: str | Path | None = None,
) -> tuple[Datalist, list[Failure]]:
    """Build a datalist from a CSV of labels.

    The columns are described in :mod:`.sources`. A CSV without a split gets a new one by patient.

    Args:
        csv: path of the CSV.
        labels: names or aliases of the label columns; ``None`` takes every column that has no other meaning.
        seed: random seed of a new split.
        fractions: share of images in training, validation and test of a new split.
        image_root: folder of the images; the folder of the CSV by default.

    Returns:
        The datalist, and a failure for every image that is missing.

    Raises:
        ValueError: a column or value is not allowed, an image is listed twice, or a patient is in two splits.
    """
    csv = Path(csv)
    chosen, items, failures = read_csv_items(csv, labels, Path(image_root) if image_root else csv.parent)
    check_duplicates(items, str(csv))
    return _arrange(chosen, items, seed, fractions), failures


def build_from_folder(
    folder: str | Path,
    labels_csv: str | Path | None = None,
    *,
    labels: Sequence[str] | None = None,
    seed: int = 0,
    fractions: Sequence[float] = (0.7, 0.1, 0.2),
) -> tuple[Datalist, list[Failure]]:
    """Build a datalist of the frontal chest radiographs below a folder.

    Only the DICOM headers are read, and identifiers are hashed.

    Args:
        folder: folder of studies.
        labels_csv: CSV of labels, whose ``image`` is relative to the folder. Without it, the images have no labels and
            all of them are in ``test``.
        labels: label columns of ``labels_csv``.
        seed: random seed of the split.
        fractions: share of images in training, validation and test.

    Returns:
        The datalist, and a failure for every file that is not in it.

    Raises:
        FileNotFoundError: the folder or the CSV does not exist.
        ValueError: a column or value of the CSV is not allowed.
    """
    items, failures = read_folder_items(Path(folder))
    if labels_csv is None:
        return _arrange([], [{**item, "split": "test"} for item in items], None, fractions), failures
    chosen, labelled, missing = read_csv_items(Path(labels_csv), labels, Path(folder))
    check_duplicates(labelled, str(labels_csv))
    rows = {row["image"]: row for row in labelled}
    rejected = {failure.path for failure in missing}
    kept = []
    for item in items:
        row = rows.get(item["image"])
        if item["image"] in rejected:
            continue
        if row is None:
            refusal = RefusedInput("NO_LABELS", "no labels", f"a row in {labels_csv}", "none", "add the row")
            failures.append(failure(item["image"], refusal))
        else:  # the header is more reliable than the table about patient, study and view
            kept.append({**row, **item, "label": row["label"]})
    return _arrange(chosen, kept, seed, fractions), failures + missing


def build_from_layout(
    layout: str,
    root: str | Path,
    *,
    labels: Sequence[str] | None = None,
    seed: int = 0,
    fractions: Sequence[float] = (0.7, 0.1, 0.2),
) -> tuple[Datalist, list[Failure]]:
    """Build a datalist of a public data set in the layout in which it is published.

    An official split is kept. With an official test split but no validation split, a tenth of the training images
    becomes the validation split, by patient. Without an official split, a new one is made.

    Args:
        layout: one of :data:`.layouts.LAYOUTS`.
        root: folder of the data set.
        labels: names or aliases of the labels to keep, in this order and under these names; ``None`` keeps all.
        seed: random seed of a new split.
        fractions: share of images in training, validation and test of a new split.

    Returns:
        The datalist, and a failure for every row that is not in it.

    Raises:
        FileNotFoundError: the folder or one of the tables does not exist.
        ValueError: a table differs from the published one, or a label is unknown.
    """
    found, items, failures = read_layout(layout, root)
    if labels is not None:
        columns = match_labels(labels, found, layout)
        items = [{**item, "label": [item["label"][column] for column in columns]} for item in items]
        found = list(labels)
    built = _arrange(found, items, seed, fractions)
    if built.splits["test"] and not built.splits["validation"]:
        carved = split_by_patient(
            built.splits["training"], seed=seed, fractions=(1 - _VALIDATION_SHARE, _VALIDATION_SHARE, 0.0)
        )
        built.splits |= {name: carved[name] for name in ("training", "validation")}
        built.seed = seed
    return built, failures


def _arrange(labels: list[str], items: list[dict], seed: int | None, fractions: Sequence[float]) -> Datalist:
    """Arrange items in the splits that they name, or in a new split by patient if they name none."""
    if items and "split" in items[0]:
        splits: dict[str, list[dict]] = {name: [] for name in SPLITS}
        for item in items:
            splits[item["split"]].append({key: value for key, value in item.items() if key != "split"})
        seed = None
    else:
        splits = split_by_patient(items, seed=seed or 0, fractions=fractions)
    assert_no_leak(splits)
    return Datalist(labels, splits, seed=seed)
