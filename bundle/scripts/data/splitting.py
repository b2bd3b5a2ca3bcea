"""Patient-level split, its hash, and the check that no patient or image is in two splits."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ..common.file_hashes import file_digests

SPLITS = ("training", "validation", "test")
_CANDIDATES = 50


def split_by_patient(
    items: Sequence[dict], *, seed: int, fractions: Sequence[float] = (0.7, 0.1, 0.2)
) -> dict[str, list[dict]]:
    """Split items by patient, so that each label has about the same prevalence in all splits.

    The best of 50 random shuffles of the patients is taken: the one with the smallest differences in prevalence.

    Args:
        items: datalist items with ``patient_id`` and ``label``. Their order has no influence on the split.
        seed: random seed of the shuffles.
        fractions: share of the images in training, validation and test; their sum is 1.

    Returns:
        Items of ``training``, ``validation`` and ``test``, each in the order of ``items``.

    Raises:
        ValueError: the fractions are not three shares that add up to 1.
    """
    if len(fractions) != 3 or min(fractions) < 0 or not math.isclose(sum(fractions), 1.0, abs_tol=1e-6):
        raise ValueError(
            f"fractions: not a split; expected three shares that add up to 1, found {tuple(fractions)}; "
            "give training, validation and test"
        )
    patients = sorted({item["patient_id"] for item in items})
    images, positives, annotated = count_by_patient(items, patients)
    candidates = [_assign(images, fractions, np.random.default_rng([seed, index])) for index in range(_CANDIDATES)]
    imbalances = [imbalance(assignment, positives, annotated) for assignment in candidates]
    best = candidates[int(np.argmin(imbalances))]
    split_of = dict(zip(patients, best.tolist(), strict=True))
    return {name: [item for item in items if split_of[item["patient_id"]] == k] for k, name in enumerate(SPLITS)}


def count_by_patient(items: Sequence[dict], patients: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of images (P,), positive labels (P, C) and annotated labels (P, C) of each patient."""
    row = {patient: index for index, patient in enumerate(patients)}
    number_of_labels = len(items[0].get("label", [])) if items else 0
    images = np.zeros(len(patients))
    positives, annotated = np.zeros((2, len(patients), number_of_labels))
    for item in items:
        index = row[item["patient_id"]]
        values = np.asarray(item.get("label", []), dtype=float)
        images[index] += 1
        positives[index] += values == 1
        annotated[index] += values >= 0
    return images, positives, annotated


def _assign(images: np.ndarray, fractions: Sequence[float], generator: np.random.Generator) -> np.ndarray:
    """Split (P,) in {0, 1, 2} of each patient for one shuffle, cut where the shares of images are reached."""
    order = generator.permutation(len(images))
    # The middle of a patient's images decides, so that a patient with many images is not always in the later split.
    middle = (np.cumsum(images[order]) - images[order] / 2) / max(images.sum(), 1)
    assignment = np.empty(len(images), dtype=int)
    # The last cut is left out because of rounding (0.7 + 0.1 + 0.2 is not 1). A split with share 0 stays empty.
    assignment[order] = np.searchsorted(np.cumsum(fractions)[:2], middle, side="right")
    return assignment


def imbalance(assignment: np.ndarray, positives: np.ndarray, annotated: np.ndarray) -> float:
    """Sum over parts and labels of the difference from the overall prevalence, in standard deviations of the label.

    Args:
        assignment: (P,) part of each patient, from 0.
        positives: (P, C) number of positive labels of each patient.
        annotated: (P, C) number of annotated labels of each patient.
    """
    overall = positives.sum(0) / np.maximum(annotated.sum(0), 1)
    deviation = np.sqrt(np.maximum(overall * (1 - overall), 1e-6))
    total = 0.0
    for part in np.unique(assignment):
        members = assignment == part
        prevalence = positives[members].sum(0) / np.maximum(annotated[members].sum(0), 1)
        total += float((np.abs(prevalence - overall) / deviation).sum())
    return total


def split_sha256(splits: Mapping[str, Iterable[Mapping]]) -> str:
    """SHA-256 over the sorted (split, patient_id, image), with images as written in the datalist."""
    digest = hashlib.sha256()
    for line in sorted(
        f"{name}\t{item['patient_id']}\t{item['image']}\n" for name, items in splits.items() for item in items
    ):
        digest.update(line.encode(errors="surrogatepass"))  # a file name may be no text
    return digest.hexdigest()


def assert_no_leak(
    splits: Mapping[str, Sequence[Mapping]], *, hash_files: bool = False, hash_again: bool = False
) -> None:
    """Reject a patient, a SOP instance or an image file that is in two splits.

    Args:
        splits: items by split; ``sop_uid`` is compared where items have it.
        hash_files: whether to compare the content of the image files as well, which reads the files that are new or
            changed.
        hash_again: whether to read the files again whose content is known.

    Raises:
        ValueError: two splits overlap; the message names the patients and the images.
    """
    items = [item for split in splits.values() for item in split]
    _find_leak(splits, "patient", [item["patient_id"] for item in items])
    _find_leak(splits, "image", [item["image"] for item in items])
    _find_leak(splits, "SOP instance", [item.get("sop_uid") for item in items])
    if hash_files:
        digests = file_digests([item["image"] for item in items], again=hash_again)
        _find_leak(splits, "file content", [digest.tobytes() for digest in digests])


def _find_leak(splits: Mapping[str, Sequence[Mapping]], what: str, keys: Sequence[str | bytes | None]) -> None:
    """Raise an error for the first key that two splits have in common; there is one for each item of the splits."""
    seen: dict[str | bytes, str] = {}
    start = 0
    for name, items in splits.items():
        for key, item in zip(keys[start : start + len(items)], items, strict=True):
            if key is not None and (other := seen.setdefault(key, name)) != name:
                first = [item for split in splits.values() for item in split][keys.index(key)]
                raise ValueError(
                    f"datalist: the same {what} in two splits; expected every {what} in one, found "
                    f"patient {first['patient_id']} image {first['image']} in {other} and "
                    f"patient {item['patient_id']} image {item['image']} in {name}; "
                    "split by patient (cxr-attention-sr datalist does) or remove the duplicate"
                )
        start += len(items)
