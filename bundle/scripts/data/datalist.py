"""Datalist: images, labels and the patient-level split in MONAI's decathlon format. Loading checks all of it."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..common.atomic import write_json
from ..common.checksum import file_sha256
from ..common.choices import check_keys
from ..common.printable import check_labels, quoted
from ..common.text_file import read_json
from .attributes import direction_of, read_age, read_sex
from .splitting import SPLITS, assert_no_leak, split_sha256

logger = logging.getLogger(__name__)

_ITEM_KEYS = ("image", "label", "patient_id", "study_uid", "sop_uid", "view", "sex", "age", "source", "boxes", "masks")
# Keys of the decathlon format that describe the data set; allowed and ignored.
_DESCRIPTIVE_KEYS = ("name", "description", "reference", "licence", "release", "modality")
_KEYS = ("labels", *SPLITS, "split", *_DESCRIPTIVE_KEYS)
_SPLIT_KEYS = ("by", "seed", "sha256")
_ATTRIBUTES: dict[str, Callable[[str], Any]] = {
    "age": lru_cache(read_age),  # a long list has few different values
    "sex": lru_cache(read_sex),
    "view": lru_cache(lambda text: direction_of(text) or text),
}
_TEXT_OR_NUMBER = (str, int, float)
_LABEL_VALUES = (0, 1, -1, None)
_FLOATS = {0: 0.0, 1: 1.0, -1: -1.0, None: math.nan}  # one object for each value, however many labels there are
_FARTHEST = 1e9  # pixels from the corner of an image


@dataclass
class Datalist:
    """Images by split.

    Attributes:
        labels: names of the labels, in the order of each item's ``label``.
        splits: items of ``training``, ``validation`` and ``test``. ``image`` is an absolute path; ``label`` has 1.0,
            0.0, -1.0 (uncertain) or NaN (not annotated) for each of ``labels``.
        sha256: hash of the file that the datalist was read from; empty if it was not read from a file.
        path: path of that file, or ``None``.
        seed: random seed of the split; ``None`` if the data set has its own split.
    """

    labels: list[str]
    splits: dict[str, list[dict[str, Any]]]
    sha256: str = ""
    path: Path | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        """Check the names of the labels, whether the datalist is read or built."""
        check_labels(self.labels, str(self.path or "datalist"))


def load_datalist(
    path: str | Path, dataset_dir: str | Path | None = None, *, check_files: bool = False, hash_again: bool = False
) -> Datalist:
    """Read and check a datalist.

    Args:
        path: path of the JSON file.
        dataset_dir: folder that image paths are relative to, if they are not relative to the folder of the datalist.
        check_files: whether to compare the content of the files across splits, which reads the image files whose
            content is not known yet, see :mod:`..common.file_hashes`.
        hash_again: whether to read the files again whose content is known.

    Raises:
        FileNotFoundError: the datalist or an image is missing.
        ValueError: the datalist is malformed, or a patient or image is in two splits.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no datalist; expected a JSON file, found nothing; write one with cxr-attention-sr datalist"
        )
    content = read_json(path, "a datalist", "write it again with cxr-attention-sr datalist")
    check_keys(str(path), content, _KEYS)
    labels = content.get("labels")
    if not isinstance(labels, list) or len(set(map(str, labels))) != len(labels):
        raise ValueError(f"{path}: labels: expected a list of different names, found {quoted(labels)}; add it")
    check_keys(f"{path}: split", content.get("split", {}), _SPLIT_KEYS)
    splits = {name: content.get(name, []) for name in SPLITS}
    if not all(isinstance(items, list) for items in splits.values()):
        raise ValueError(
            f"{path}: expected a list of items for each of {', '.join(SPLITS)}, found no list; write it again"
        )
    for name, items in splits.items():
        for index, item in enumerate(items):  # in place, so that a long list is in memory once
            items[index] = _parse_item(item, len(labels), f"{path}: {name}[{index}]")
    if content.get("split", {}).get("sha256") not in (None, split_sha256(splits)):
        logger.warning("%s: the split was edited after it was written (recorded hash differs)", path)
    _resolve_images(splits, [path.parent, *([Path(dataset_dir)] if dataset_dir else [])], path)
    for name, items in splits.items():
        check_duplicates(items, f"{path}: {name}")
    assert_no_leak(splits, hash_files=check_files, hash_again=hash_again)
    seed = content.get("split", {}).get("seed")
    return Datalist(labels, splits, file_sha256(path), path.resolve(), seed)


def _parse_item(item: Any, number_of_labels: int, where: str) -> dict[str, Any]:
    """Checked copy of an item, with its label as floats."""
    check_keys(where, item, _ITEM_KEYS)
    for key in ("image", "patient_id"):
        if not isinstance(item.get(key), str) or not item[key]:
            raise ValueError(f"{where}: {key}: expected a text, found {quoted(item.get(key))}; add it")
    _check_annotations(item, where)
    attributes = {key: _parse_attribute(key, item[key], where) for key in item if key in _ATTRIBUTES}
    values = item.get("label", [])
    if not isinstance(values, list) or len(values) != number_of_labels:
        raise ValueError(
            f"{where}: label: wrong length; expected a list of {number_of_labels} values, found {quoted(values)}; "
            "give one value for each of labels, null where it is not annotated"
        )
    for value in values:
        if value not in _LABEL_VALUES:
            raise ValueError(f"{where}: label: expected 1, 0, null or -1, found {quoted(value)}; correct it")
    return {**item, **attributes, "label": [_FLOATS[value] for value in values]}


def _parse_attribute(key: str, value: Any, where: str) -> Any:
    """Age, sex or view of an item, in the form that :mod:`.attributes` gives; unknown words for a view are kept.

    Raises:
        ValueError: the value is not possible.
    """
    if value is None:
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, _TEXT_OR_NUMBER):
            raise ValueError("a text or a number")
        return _ATTRIBUTES[key](str(value))
    except ValueError as error:
        raise ValueError(f"{where}: {key}: expected {error}, found {quoted(value)}; correct it") from error


def _check_annotations(item: Mapping[str, Any], where: str) -> None:
    """Reject malformed boxes and masks."""
    boxes = item.get("boxes") or []
    if not isinstance(boxes, list):
        raise ValueError(f"{where}: boxes: expected a list of boxes, found {quoted(boxes)}; correct it")
    for box in boxes:
        xywh = box.get("xywh") if isinstance(box, dict) and isinstance(box.get("label"), str) else None
        if not isinstance(xywh, list) or len(xywh) != 4 or not all(map(_is_number, xywh)):
            raise ValueError(
                f'{where}: boxes: expected {{"label": text, "xywh": [x, y, width, height]}}, found {quoted(box)}; '
                "correct it"
            )
        if min(xywh[2:]) <= 0:
            raise ValueError(
                f"{where}: boxes: expected a width and a height above 0, found {quoted(box)}; correct or remove it"
            )
    masks = item.get("masks") or {}
    if not isinstance(masks, dict) or not all(isinstance(file, str) for file in masks.values()):
        raise ValueError(f"{where}: masks: expected an object of label and file, found {quoted(masks)}; correct it")


def _is_number(value: Any) -> bool:
    """Whether a value is a number that can be a place in an image, in pixels."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _FARTHEST


def _resolve_images(splits: Mapping[str, list[dict]], folders: Sequence[Path], path: Path) -> None:
    """Make the paths of images and masks absolute, in place.

    Raises:
        FileNotFoundError: a file is in none of the folders; the message gives the number of such files and names five.
    """
    missing = []
    places = [os.path.abspath(folder) for folder in folders]

    def resolve(file: str) -> str:
        for folder in places:  # strings, because objects of ``Path`` take longer than asking the disk
            place = os.path.normpath(os.path.join(folder, file))
            if os.path.isfile(place):
                return place
        missing.append(file)
        return file

    for items in splits.values():
        for item in items:
            item["image"] = resolve(item["image"])
            if item.get("masks"):  # label -> file of a mask: an image of the same size, non-zero in the finding
                item["masks"] = {name: resolve(file) for name, file in item["masks"].items()}
    if missing:
        raise FileNotFoundError(
            f"{path}: {len(missing)} of its images are missing; expected them in "
            f"{' or '.join(str(folder) for folder in folders)}, found none of {', '.join(missing[:5])}"
            f"{', …' if len(missing) > 5 else ''}; give the folder they are relative to as dataset_dir"
        )


def check_duplicates(items: Sequence[Mapping], where: str) -> None:
    """Reject an image that is listed twice."""
    seen: set[str] = set()
    for item in items:
        if item["image"] in seen:
            raise ValueError(f"{where}: duplicate image; expected each once, found {item['image']} twice; remove one")
        seen.add(item["image"])


def write_datalist(datalist: Datalist, path: str | Path, dataset_dir: str | Path | None = None) -> None:
    """Write a datalist.

    The path of an image below the folder of the datalist is written relative to it, and that of another image below
    ``dataset_dir`` relative to ``dataset_dir``. All other paths are relative to the folder of the datalist, with
    leading "..".
    """
    path = Path(path).absolute()
    folders = [path.parent, *([Path(dataset_dir).absolute()] if dataset_dir else [])]
    splits = {name: [_written(item, folders) for item in items] for name, items in datalist.splits.items()}
    split = {"by": "patient", "seed": datalist.seed, "sha256": split_sha256(splits)}
    content = {"labels": datalist.labels, **splits, "split": split}
    write_json(path, content)


def _written(item: Mapping[str, Any], folders: Sequence[Path]) -> dict[str, Any]:
    """Item as it is written to the file."""
    content = {**item, "image": _relative(item["image"], folders), "label": _to_json(item["label"])}
    if item.get("masks"):
        content["masks"] = {name: _relative(file, folders) for name, file in item["masks"].items()}
    return content


def _relative(image: str, folders: Sequence[Path]) -> str:
    """Path of an image as it is written to the file, with forward slashes."""
    absolute = Path(os.path.abspath(image))
    for folder in folders:
        if absolute.is_relative_to(folder):
            return absolute.relative_to(folder).as_posix()
    return Path(os.path.relpath(absolute, folders[0])).as_posix()


def _to_json(label: Sequence[float]) -> list[int | None]:
    """Label values as they are written to the file: null for NaN."""
    return [None if math.isnan(value) else int(value) for value in label]


def anonymous_groups(items: Sequence[Mapping[str, Any]]) -> list[int]:
    """Number the patients of items 0, 1, … in order of appearance; each item without ``patient_id`` is a patient."""
    numbers: dict[tuple[str, Any], int] = {}
    keys = [("image", i) if item.get("patient_id") is None else ("patient", item["patient_id"])
            for i, item in enumerate(items)]  # fmt: skip
    return [numbers.setdefault(key, len(numbers)) for key in keys]
