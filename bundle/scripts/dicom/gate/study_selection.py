"""Group files into studies and order the images of a study by how well their headers identify the frontal film.

A frontal view in ViewPosition comes first, then one in the view code or the descriptions, then a header without a view,
whose image decides. Among equals a primary image comes first, then the latest acquisition, then the lowest SOP Instance
UID.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath
from typing import NamedTuple

from pydicom.dataset import Dataset

from ...common.refusal import RefusedInput
from ..dates import acquired_at
from ..header import described_view, text
from ..read.parsing import load_dataset
from ..read.radiograph import read_header
from ..words import view_of
from .chest_film import require_chest_film
from .media import Medium, find_medium, is_dicomdir

# Suffixes of files that accompany images.
_SIDE_FILES = {
    ".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".html", ".htm", ".xml", ".yaml", ".yml", ".npz", ".db", ".log",
    ".pdf", ".rtf", ".doc", ".docx", ".xls", ".xlsx", ".md5", ".sha1", ".sha256",
    ".exe", ".dll", ".inf", ".ini", ".bat", ".cmd", ".msi", ".cab", ".jar", ".class", ".so", ".sh", ".manifest",
    ".config", ".js", ".css", ".xsl", ".ico", ".cur", ".chm", ".hlp", ".lnk", ".url", ".ttf",
}  # fmt: skip


@dataclass(frozen=True)
class Instance:
    """A file that is an image, or may be one.

    Attributes:
        path: file to read.
        name: name for messages and tables; differs from ``path`` for a member of an archive.
        study: hashed StudyInstanceUID, or the path of a file without one.
        sop_uid: hashed SOPInstanceUID; empty if the file has none.
        refusal: reason for the rejection, if the header gives one.
    """

    path: str
    name: str
    study: str
    sop_uid: str = ""
    refusal: RefusedInput | None = None


def is_candidate(path: PurePath) -> bool:
    """Whether a file may be an image, according to its path below the input folder.

    Hidden files, files that accompany images and a DICOMDIR are excluded.
    """
    hidden = any(_is_hidden(part) for part in path.parts)
    return not hidden and path.suffix.lower() not in _SIDE_FILES and not is_dicomdir(path)


def _is_hidden(name: str) -> bool:
    return name == "__MACOSX" or (name.startswith(".") and name != "..")


def find_candidates(folder: Path) -> list[Path]:
    """Sorted files below a folder that may be images. On a medium with a DICOMDIR, its viewer is excluded.

    A link to nothing and a folder that cannot be read are included, so that :func:`read_instance` gives the reason why
    they are not used.
    """
    files = _find_files(folder)
    media = [Medium.load(path.parent, path) for path in files if is_dicomdir(path)]
    candidates = (path for path in files if is_candidate(path.relative_to(folder)))
    return [path for path in candidates if (found := find_medium(path, media)) is None or found.has_image(path, path)]


def _find_files(folder: Path) -> list[Path]:
    """Sorted files below a folder, links to nothing and folders that cannot be read, except in hidden folders.

    Links to folders are followed, and no folder is searched twice.
    """
    found, searched = [], set[str]()
    folders, linked = [folder], list[Path]()
    while folders or linked:
        current = folders.pop() if folders else linked.pop(0)  # its own path is the name of a folder that has links
        if (real := os.path.realpath(current)) in searched:
            continue
        searched.add(real)
        try:
            entries = sorted(current.iterdir())
        except OSError:
            found.append(current)
            continue
        for path in entries:
            if os.path.isdir(path):
                if _is_hidden(path.name):
                    continue
                (linked if os.path.islink(path) else folders).append(path)
            elif os.path.isfile(path) or not os.path.exists(path):
                found.append(path)
    return sorted(found)


def read_instance(path: Path, name: str) -> Instance:
    """Study, identifiers and reason for rejection of a file, from its header."""
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
    """Instances grouped by study, in the order of the first instance of each study.

    Within a study the most preferred instance comes first and rejected instances come last.
    """
    studies: dict[str, list[Instance]] = {}
    for instance in instances:
        studies.setdefault(instance.study, []).append(instance)
    return [_order_instances(study) for study in studies.values()]


def _order_instances(study: Sequence[Instance]) -> list[Instance]:
    """Candidates of one study by preference, then the rejected instances."""
    candidates = [instance for instance in study if instance.refusal is None]
    refused = [instance for instance in study if instance.refusal is not None]
    if len(candidates) > 1:
        # Stable sorts, the most important key last. The later of two acquisitions is assumed to repeat a failed one.
        keys = {instance.path: _preference(Path(instance.path)) for instance in candidates}
        candidates.sort(key=lambda instance: keys[instance.path].sop_uid)
        candidates.sort(key=lambda instance: keys[instance.path].acquired, reverse=True)
        candidates.sort(key=lambda instance: (keys[instance.path].view, keys[instance.path].is_secondary))
    return candidates + refused


class Preference(NamedTuple):
    """Sort keys that state how well a header identifies its image as the frontal film of its study.

    Attributes:
        view: source of the frontal view: 0 for ViewPosition, 1 for the view code or a description, 2 for none, 3 for a
            header that cannot be read.
        is_secondary: whether value 2 of ImageType is SECONDARY.
        acquired: moment of the acquisition in UTC; ``datetime.min`` if not known.
        sop_uid: SOPInstanceUID.
    """

    view: int
    is_secondary: bool
    acquired: datetime
    sop_uid: str


def _preference(path: Path) -> Preference:
    """Sort keys of a DICOM file among those of its study."""
    try:
        dataset = load_dataset(path)
        sop_uid = str(dataset.get("SOPInstanceUID", ""))
        image_type = [str(value) for value in dataset.get("ImageType") or []]
        acquired = acquired_at(dataset) or datetime.min
        return Preference(_view_rank(dataset), "SECONDARY" in image_type[1:2], acquired, sop_uid)
    except Exception:  # with a broken attribute it comes last; reading its pixels reports the error
        return Preference(3, True, datetime.min, "")


def _view_rank(dataset: Dataset) -> int:
    """0 for a frontal ViewPosition, 1 for a frontal view code or description, 2 otherwise."""
    if view_of(text(dataset, "ViewPosition")) == "frontal":
        return 0
    return 1 if described_view(dataset) == "frontal" else 2


def surplus(instance: Instance, used: Instance) -> RefusedInput:
    """Error for a film of a study from which another film is used already."""
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
