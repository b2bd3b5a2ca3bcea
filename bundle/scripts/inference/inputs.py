"""Files, folders and zip archives -> candidate images, in the order of their studies."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..common.progress import Progress
from ..dicom.gate.archives import extract_members, is_archive
from ..dicom.gate.study_selection import Instance, find_candidates, group_studies, read_instance

logger = logging.getLogger(__name__)

# Files below an output folder that :mod:`.outputs` writes.
_RESULT = re.compile(
    r"overlays/\d{5,}_[^/]*\.png|enhanced/\d{5,}_[^/]*\.(png|dcm)|"
    r"dicom/\d{5,}_[^/]*/(findings|attention|attention_map|regions|enhanced)\.dcm|"
    r"predictions_files/\d{5,}_[^/]*/[^/]*\.(jpg|png)"
)


def find_images(inputs: Sequence[str | Path], unpack_to: Path | None = None) -> list[dict[str, Any]]:
    """List candidate images study by study, in a reproducible order.

    A file that is itself an input is a study of its own, whatever its header says.

    Args:
        inputs: files, folders and zip archives.
        unpack_to: folder for the content of archives, which the caller removes; ``None``: a temporary folder that is
            removed when the program ends.

    Returns:
        Items ``{"image": path, "instance": Instance}``.

    Raises:
        FileNotFoundError: a path does not exist, or there is no candidate below any.
    """
    paths = [Path(path) for path in inputs]
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file or folder; expected a radiograph or a folder of studies")
    named = {path: Instance(str(path), str(path), str(path)) for path in paths if _is_named_image(path)}
    found: dict[str, Instance] = {}
    for path in paths:
        below = [named[path]] if path in named else _search(path, named, unpack_to)
        for instance in below:
            found.setdefault(instance.path, instance)
    if not found:
        raise FileNotFoundError(f"{', '.join(map(str, inputs))}: no image below; expected at least one, found 0")
    return [
        {"image": instance.path, "instance": instance} for study in group_studies(found.values()) for instance in study
    ]


def _is_named_image(path: Path) -> bool:
    """Return whether an input is an image file, not a folder or an archive."""
    return path.is_file() and not is_archive(path)


def _search(path: Path, named: dict[Path, Instance], unpack_to: Path | None) -> Iterator[Instance]:
    """Yield the instances in a folder, including those in its archives, or in an archive.

    Results of an earlier run in the folder are left out, so that results are not predicted.
    """
    files = find_candidates(path) if path.is_dir() else [path]
    images = [file for file in files if not (path.is_dir() and _is_result(file, path))]
    if len(images) < len(files):
        logger.info("%s: %d results of an earlier run are left out", path, len(files) - len(images))
    for file in Progress("reading headers", len(images)).over(images):
        if is_archive(file):
            yield from _unpack(file, unpack_to)
        elif file in named:
            yield named[file]
        else:
            yield read_instance(file, str(file))


def _unpack(archive: Path, unpack_to: Path | None) -> Iterator[Instance]:
    """Yield the instances in an archive."""
    for member in extract_members(archive, unpack_to):
        if member.path is not None:
            yield read_instance(member.path, member.name)
        else:
            yield Instance(member.name, member.name, member.name, refusal=member.refusal)


def _is_result(path: Path, folder: Path) -> bool:
    """Return whether a file below a folder is a result of an earlier run whose output folder is there, too."""
    below = path.relative_to(folder)
    return any(
        _RESULT.fullmatch(path.relative_to(folder / parent).as_posix()) is not None
        and (folder / parent / "run_report.json").is_file()
        for parent in below.parents
    )
