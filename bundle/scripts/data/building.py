"""New datalists from a CSV, a folder of studies, or a public data set; with its split, or one by patient."""

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

# Of the training patients, where a data set has a test split and no validation split.
_VALIDATION_SHARE = 0.1


def build_from_csv(
    csv: str | Path,
    *,
    labels: Sequence[str] | None = None,
    seed: int = 0,
    fractions: Sequence[float] = (0.7, 0.1, 0.2),
    image_root: str | Path | None = None,
) -> tuple[Datalist, list[Failure]]:
    """Datalist of a CSV of labels (columns in ``scripts.data.sources``), with its split or a new patient-level one.

    Args:
        csv: file.
        labels: label columns, maybe by an alias; ``None`` for all that have no other meaning.
        seed: of the split, when the CSV has none.
        fractions: share of images in training, validation and test, when the CSV has no split.
        image_root: folder of the images; the CSV's own when absent.

    Returns:
        The datalist, and the images that are missing.

    Raises:
        ValueError: a column or value that is not allowed, an image listed twice, a patient in two of the CSV's splits.
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
    """Datalist of the frontal chest radiographs below a folder; DICOM headers only, identifiers hashed.

    Args:
        folder: folder of studies.
        labels_csv: labels by ``image``, relative to the folder. Without it there are no labels and all is ``test``.
        labels: label columns of ``labels_csv``.
        seed: of the split.
        fractions: share of images in training, validation and test.

    Returns:
        The datalist, and every file that is not in it with the reason.

    Raises:
        FileNotFoundError: no such folder or CSV.
        ValueError: a column or value of the CSV that is not allowed.
    """
    items, failures = read_folder_items(Path(folder))
    if labels_csv is None:
        return _arrange([], [{**item, "split": "test"} for item in items], None, fractions), failures
    chosen, labelled, missing = read_csv_items(Path(labels_csv), labels, Path(folder))
    check_duplicates(labelled, str(labels_csv))
    rows = {row["image"]: row for row in labelled}
    kept = []
    for item in items:
        row = rows.get(item["image"])
        if row is None:
            refusal = RefusedInput("NO_LABELS", "no labels", f"a row in {labels_csv}", "none", "add the row")
            failures.append(failure(item["image"], refusal))
        else:  # the header knows the patient better than a table
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
    """Datalist of a public data set as it is on disk.

    An official test split stays. Where there is one but no official validation split, a tenth of the training images
    is carved off by patient; where there is none, the split is new.

    Args:
        layout: one of ``scripts.data.layouts.LAYOUTS``.
        root: folder of the data set.
        labels: labels to keep, in this order and under these names, which may be aliases; ``None`` for all.
        seed: of what is split here.
        fractions: share of images in training, validation and test, without an official split.

    Returns:
        The datalist, and every row that is not in it with the reason.

    Raises:
        FileNotFoundError: no such folder, or a table is missing.
        ValueError: a table that is not as published, or an unknown label.
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
    """Datalist with the split that the items have, else a new one."""
    if items and "split" in items[0]:
        splits: dict[str, list[dict]] = {name: [] for name in SPLITS}
        for item in items:
            splits[item["split"]].append({key: value for key, value in item.items() if key != "split"})
        seed = None
    else:
        splits = split_by_patient(items, seed=seed or 0, fractions=fractions)
    assert_no_leak(splits)
    return Datalist(labels, splits, seed=seed)
