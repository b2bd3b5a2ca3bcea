"""Networks that were each trained without a part of the films, so that each film has one that never saw it.

The regions of a film that the network has learnt by heart are better informed than those of a new film, so that
enhancement helps more in training than it can in a test. ``run training --folds 3`` trains such networks. The record of
the training images in a model folder says which films a network has seen; folds are made by patient, so that a network
that has not seen a training film has not seen its patient either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..attention import default_method, make_attention
from ..common.numbered_folders import numbered_folders
from ..data.fingerprints import file_fingerprint, recorded_fingerprints
from ..networks.loading import load_vit_multilabel, weights_sha256
from ..networks.vit_multilabel import ViTMultilabel
from .region_maps import FilmMaps, film_maps


class OutOfFold:
    """Networks of a folder, and the choice of one for each film.

    Args:
        folder: output folder of ``run training --folds``, with ``fold_0/model``, ``fold_1/model``, ….
        labels: labels of the data set, which the networks must have.
        image_size: side of the input of the network that these stand for, in pixels.
        device: device of the networks.
        attention: arguments of :func:`..attention.make_attention` for each network; without a ``method``, the default
            of the network.

    Raises:
        FileNotFoundError: the folder holds fewer than two finished trainings, or one has no record of its images.
        ValueError: a network has another image size or other labels.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        labels: Sequence[str] | None,
        image_size: int,
        device: torch.device | str = "cpu",
        attention: Mapping[str, Any] | None = None,
    ) -> None:
        self.device = device
        folders = _fold_models(Path(folder))
        self.seen = [recorded_fingerprints(one) for one in folders]
        self.networks = [load_vit_multilabel(one, labels=labels).eval().to(device) for one in folders]
        for one, network in zip(folders, self.networks, strict=True):
            if network.image_size != image_size:
                raise ValueError(
                    f"fold_dir: {one}: another image size; expected {image_size}, that of the base network, found "
                    f"{network.image_size}; train the folds with the settings of the base"
                )
        options = dict(attention or {})
        method = options.pop("method", None)
        self.attend = [
            make_attention(method or default_method(network), network, **options) for network in self.networks
        ]
        self.sha256 = weights_sha256(folders)

    def choose(self, path: str | Path) -> int:
        """Number of the network for a film: the one that has not seen it, or one of several by the film's content.

        Raises:
            ValueError: all networks were trained on the film.
        """
        film = file_fingerprint(path)
        unseen = [number for number, seen in enumerate(self.seen) if film not in seen]
        if not unseen:
            raise ValueError(
                f"{path}: all networks of fold_dir were trained on this film; expected one that was not, found none; "
                "train the folds on this datalist with --folds"
            )
        return unseen[film[0] % len(unseen)]

    def is_training_film(self, path: str | Path) -> bool:
        """Whether any of the networks was trained on a film."""
        film = file_fingerprint(path)
        return any(film in seen for seen in self.seen)

    def maps(self, path: str | Path, image: torch.Tensor) -> FilmMaps:
        """Maps of a film (1, S, S) by the network that is chosen for it."""
        number = self.choose(path)
        (found,) = film_maps(self.attend[number](image[None].to(self.device)), self.networks[number].labels)
        return found


def find_out_of_fold(
    folder: str | Path | None,
    network: ViTMultilabel,
    device: torch.device | str = "cpu",
    attention: Mapping[str, Any] | None = None,
) -> OutOfFold | None:
    """Networks of a folder that stand for a network; ``None`` without a folder.

    Args:
        folder: see :class:`OutOfFold`.
        network: network that was trained on all training films.
        device: device of the networks.
        attention: arguments of the attention method of the network.
    """
    if folder is None:
        return None
    return OutOfFold(folder, labels=network.labels, image_size=network.image_size, device=device, attention=attention)


def folds_sha256(folder: str | Path | None) -> str | None:
    """Hash of the weights of the networks of a folder; ``None`` without a folder."""
    return None if folder is None else weights_sha256(_fold_models(Path(folder)))


def _fold_models(folder: Path) -> list[Path]:
    """Model folders of the folds, in ascending order.

    Raises:
        FileNotFoundError: there are fewer than two, or a training is not finished.
    """
    models = [path / "model" for path in numbered_folders(folder, "fold").values()]
    unfinished = [model for model in models if not any(model.glob("*.safetensors"))]
    if len(models) < 2 or unfinished:
        found = f"no weights in {unfinished[0]}" if unfinished else f"{len(models)}"
        raise FileNotFoundError(
            f"fold_dir: {folder}: expected finished trainings fold_0, fold_1, …, found {found}; run training with "
            "--folds 3, the same command continues"
        )
    return models
