"""Backbones of an experiment: the films that they were trained on, and their weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...data.fingerprints import TRAINING_IMAGES, file_fingerprint, recorded_fingerprints
from ...networks.pretrained import local_folder, read_state


def refuse_seen(setting: str, backbone: str | Path | None, films: Sequence[str], remedy: str) -> None:
    """Reject a backbone that chooses regions in films that it was trained on.

    It would choose them better there than in new films. A film is recognised by the content of its file. A backbone
    without a record of its training images, such as a published one, passes.

    Args:
        setting: setting of the backbone, for the message.
        backbone: folder or hub id; ``None`` for random weights.
        films: paths of the films of the experiment.
        remedy: example of an option that sets another backbone, for the message.

    Raises:
        ValueError: the backbone was trained on some of the films; the message gives their number.
    """
    folder = _folder_of(backbone)
    if folder is None or not (folder / TRAINING_IMAGES).is_file():
        return
    seen = recorded_fingerprints(folder)
    count = sum(file_fingerprint(film) in seen for film in films)
    if count:
        raise ValueError(
            f"{setting}: {folder}: was trained on films of this experiment, so it would choose better regions in them "
            f"than in new films; expected none of them, found {count} of {len(films)}; set a backbone that has not "
            f"seen them, e.g. {remedy}"
        )


def weights_of(backbones: Iterable[str | Path | None]) -> dict[str, str]:
    """Hash of the weights of each backbone that exists, by its folder or hub id."""
    found = {str(backbone): _folder_of(backbone) for backbone in backbones}
    return {name: _weights_sha256(folder) for name, folder in found.items() if folder is not None}


def _folder_of(backbone: str | Path | None) -> Path | None:
    """Folder of a backbone; ``None`` for random weights, and where there is none.

    A training that needs a missing backbone rejects it, and an experiment whose trainings are finished needs none.
    """
    if backbone is None:
        return None
    try:
        return local_folder(backbone)
    except FileNotFoundError:
        return None


def _weights_sha256(folder: Path) -> str:
    """Hash of the tensors of a checkpoint, in whichever kind of file they are."""
    digest = hashlib.sha256()
    for name, value in sorted(read_state(folder).items()):
        digest.update(name.encode() + value.numpy().tobytes())
    return digest.hexdigest()
