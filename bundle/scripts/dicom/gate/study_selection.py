"""Files to studies: from headers alone, which image of a study is its frontal film; nothing is stacked or lost.

Preferred is a view in ViewPosition, then one in view code or descriptions, then none (the image then says); among
equals a primary image, then the latest acquisition, then the lowest SOP instance UID. A DICOMDIR is not followed: media
are searched as the folders they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple

from pydicom.dataset import Dataset

from ...common.refusal import RefusedInput
from ..header import FRONTAL_WORDS, text
from ..read.parsing import load_dataset
from ..read.radiograph import read_header
from ..terms import FRONTAL_VIEWS
from .chest_film import require_chest_film

# What lies beside images and is none.
_SIDE_FILES = {
    ".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".html", ".htm", ".xml", ".yaml", ".yml", ".npz", ".db", ".log",
    ".pdf", ".exe", ".inf", ".ini",
}  # fmt: skip
_ACQUIRED = (("AcquisitionDate", "AcquisitionTime"), ("ContentDate", "ContentTime"), ("SeriesDate", "SeriesTime"))


@dataclass(frozen=True)
class Instance:
    """A file that is, or may be, an image.

    Attributes:
        path: file to read.
        name: what to call it; differs from ``path`` for a member of an archive.
        study: hashed StudyInstanceUID, or the path of a file that stands alone.
        sop_uid: hashed SOPInstanceUID; empty without one.
        refusal: why it is out, if its header says so.
    """

    path: str
    name: str
    study: str
    sop_uid: str = ""
    refusal: RefusedInput | None = None


def is_candidate(path: PurePath) -> bool:
    """Whether a path below a folder may be an image, by its name; hidden files and side files are none."""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts if part != "..")
    return not hidden and path.suffix.lower() not in _SIDE_FILES and path.name != "DICOMDIR"


def find_candidates(folder: Path) -> list[Path]:
    """Return the files below a folder that may be images, sorted.

    Links are followed, and no folder is searched twice. A link to nothing and a folder that cannot be read are returned
    as well, so that :func:`read_instance` gives the reason why they are not used.
    """
    found, searched = [], set[str]()
    folders, linked = [folder], list[Path]()
    while folders or linked:
        current = folders.pop() if folders else linked.pop(0)  # a folder is named by its own path where it has one
        if (real := os.path.realpath(current)) in searched:
            continue
        searched.add(real)
        try:
            entries = sorted(current.iterdir())
        except OSError:
            found.append(current)
            continue
        for path in entries:
            if not is_candidate(path.relative_to(folder)):
                continue
            if os.path.isdir(path):
                (linked if os.path.islink(path) else folders).append(path)
            elif os.path.isfile(path) or not os.path.exists(path):
                found.append(path)
    return sorted(found)


def read_instance(path: Path, name: str) -> Instance:
    """What the header of a file says about its place in a study."""
    alone = Instance(str(path), name, study=str(path))
    if os.path.isdir(path):
        refusal = RefusedInput(
            "MISSING_FILE", "the folder cannot be read", "permission to list it", "none", "change its permissions", name
        )
        return Instance(str(path), name, alone.study, refusal=refusal)
    try:
        meta, identifiers = read_header(path)
    except RefusedInput as refusal:
        return Instance(str(path), name, alone.study, refusal=refusal.at(name))
    study, sop_uid = identifiers.get("study_uid", alone.study), identifiers.get("sop_uid", "")
    try:
        require_chest_film(meta, name)
    except RefusedInput as refusal:
        return Instance(str(path), name, study, sop_uid, refusal)
    return Instance(str(path), name, study, sop_uid)


def group_studies(instances: Iterable[Instance]) -> list[list[Instance]]:
    """Instances by study: studies in the order of their first instance, in each the most preferred first.

    Those that are refused come last.
    """
    studies: dict[str, list[Instance]] = {}
    for instance in instances:
        studies.setdefault(instance.study, []).append(instance)
    return [_order_instances(study) for study in studies.values()]


def _order_instances(study: Sequence[Instance]) -> list[Instance]:
    """Candidates of one study by preference, then the refused ones."""
    candidates = [instance for instance in study if instance.refusal is None]
    refused = [instance for instance in study if instance.refusal is not None]
    if len(candidates) > 1:
        # Sorted from the least important key on; the later of two acquisitions is the one that was kept.
        keys = {instance.path: _preference(Path(instance.path)) for instance in candidates}
        candidates.sort(key=lambda instance: keys[instance.path].sop_uid)
        candidates.sort(key=lambda instance: keys[instance.path].acquired, reverse=True)
        candidates.sort(key=lambda instance: (keys[instance.path].view, keys[instance.path].is_secondary))
    return candidates + refused


class Preference(NamedTuple):
    """How well a header says that its image is the frontal film of its study.

    Attributes:
        view: 0 in ViewPosition, 1 in words, 2 nowhere, 3 not readable.
        is_secondary: value 2 of ImageType.
        acquired: date and time as digits that sort; empty when not known.
        sop_uid: SOPInstanceUID.
    """

    view: int
    is_secondary: bool
    acquired: str
    sop_uid: str


def _preference(path: Path) -> Preference:
    """Preference for a DICOM file among those of its study."""
    try:
        dataset = load_dataset(path)
        sop_uid = str(dataset.get("SOPInstanceUID", ""))
        image_type = [str(value) for value in dataset.get("ImageType") or []]
        return Preference(_view_rank(dataset), "SECONDARY" in image_type[1:2], _acquired(dataset), sop_uid)
    except Exception:  # a broken attribute makes it the last choice; reading its pixels says what is wrong
        return Preference(3, True, "", "")


def _view_rank(dataset: Dataset) -> int:
    """0 for a frontal ViewPosition, 1 for a frontal view code or description, else 2."""
    if (text(dataset, "ViewPosition") or "").startswith(FRONTAL_VIEWS):
        return 0
    words = [str(code.get("CodeMeaning", "")) for code in dataset.get("ViewCodeSequence") or []]
    words += [str(dataset.get(key, "")) for key in ("SeriesDescription", "AcquisitionDeviceProcessingDescription")]
    return 1 if FRONTAL_WORDS.search(" ".join(words)) else 2


def _acquired(dataset: Dataset) -> str:
    """Date and time of acquisition as digits that sort; empty when not known."""
    moment = str(dataset.get("AcquisitionDateTime") or "")
    for date, time in _ACQUIRED:
        moment = moment or (f"{dataset.get(date)}{dataset.get(time) or ''}" if dataset.get(date) else "")
    return moment


def surplus(instance: Instance, used: Instance) -> RefusedInput:
    """Refusal of a film of a study from which another one is used already."""
    if instance.sop_uid and instance.sop_uid == used.sop_uid:
        return RefusedInput(
            "DUPLICATE", "the same SOP instance again", "each once", f"it is read from {used.name}", "remove one",
            instance.name,
        )  # fmt: skip
    return RefusedInput(
        "SECOND_FRONTAL", "another frontal film of a study that has its image", "one film of each study",
        f"{used.name} preferred by view, image type, time and UID", "to have this one too, name the file itself",
        instance.name,
    )  # fmt: skip
