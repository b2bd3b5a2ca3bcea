"""Group files into studies and order the images of a study by how well their headers identify the frontal film.

A frontal view in ViewPosition comes first, then one in the view code or the descriptions, then a header without a view,
whose image decides. Among equals a primary image comes first, then the latest acquisition, then the lowest SOP Instance
UID.
"""

from __future__ import annotations

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
from .media import Medium, find_medium, is_dicomdir

# Suffixes of files that accompany images.
_SIDE_FILES = {
    ".csv", ".tsv", ".json", ".jsonl", ".txt", ".md", ".html", ".htm", ".xml", ".yaml", ".yml", ".npz", ".db", ".log",
    ".pdf", ".rtf", ".doc", ".docx", ".xls", ".xlsx", ".md5", ".sha1", ".sha256",
    ".exe", ".dll", ".inf", ".ini", ".bat", ".cmd", ".msi", ".cab", ".jar", ".class", ".so", ".sh", ".manifest",
    ".config", ".js", ".css", ".xsl", ".ico", ".cur", ".chm", ".hlp", ".lnk", ".url", ".ttf",
}  # fmt: skip
_ACQUIRED = (("AcquisitionDate", "AcquisitionTime"), ("ContentDate", "ContentTime"), ("SeriesDate", "SeriesTime"))


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
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts if part != "..")
    return not hidden and path.suffix.lower() not in _SIDE_FILES and not is_dicomdir(path)


def find_candidates(folder: Path) -> list[Path]:
    """Sorted files below a folder that may be images. On a medium with a DICOMDIR, its viewer is excluded."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    media = [Medium.load(path.parent, path) for path in files if is_dicomdir(path)]
    candidates = (path for path in files if is_candidate(path.relative_to(folder)))
    return [path for path in candidates if (found := find_medium(path, media)) is None or found.has_image(path, path)]


def read_instance(path: Path, name: str) -> Instance:
    """Study, identifiers and reason for rejection of a file, from its header."""
    alone = Instance(str(path), name, study=str(path))
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
        acquired: date and time of the acquisition as digits in sort order; empty if not known.
        sop_uid: SOPInstanceUID.
    """

    view: int
    is_secondary: bool
    acquired: str
    sop_uid: str


def _preference(path: Path) -> Preference:
    """Sort keys of a DICOM file among those of its study."""
    try:
        dataset = load_dataset(path)
        sop_uid = str(dataset.get("SOPInstanceUID", ""))
        image_type = [str(value) for value in dataset.get("ImageType") or []]
        return Preference(_view_rank(dataset), "SECONDARY" in image_type[1:2], _acquired(dataset), sop_uid)
    except Exception:  # with a broken attribute it comes last; reading its pixels reports the error
        return Preference(3, True, "", "")


def _view_rank(dataset: Dataset) -> int:
    """0 for a frontal ViewPosition, 1 for a frontal view code or description, 2 otherwise."""
    if (text(dataset, "ViewPosition") or "").startswith(FRONTAL_VIEWS):
        return 0
    words = [str(code.get("CodeMeaning", "")) for code in dataset.get("ViewCodeSequence") or []]
    words += [str(dataset.get(key, "")) for key in ("SeriesDescription", "AcquisitionDeviceProcessingDescription")]
    return 1 if FRONTAL_WORDS.search(" ".join(words)) else 2


def _acquired(dataset: Dataset) -> str:
    """Date and time of the acquisition as digits in sort order; empty if not known."""
    moment = str(dataset.get("AcquisitionDateTime") or "")
    for date, time in _ACQUIRED:
        moment = moment or (f"{dataset.get(date)}{dataset.get(time) or ''}" if dataset.get(date) else "")
    return moment


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
