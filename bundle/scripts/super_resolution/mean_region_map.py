"""Mean region map over the training films, for the selector ``mean_map``."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from ..attention import Attention
from ..attention.mean_map import MeanMap
from ..common.file_hashes import file_digests
from ..common.geometry import fit_square
from ..data.datalist import anonymous_groups
from ..dicom import RefusedInput, read_radiograph
from ..networks.vit_multilabel import ViTMultilabel

logger = logging.getLogger(__name__)

_BATCH = 16  # images


def mean_region_map(
    items: Sequence[Mapping[str, Any]], network: ViTMultilabel, attend: Attention, device: torch.device | str
) -> MeanMap:
    """Mean of the maps that choose the regions of films, by ``patient_id``; rejected films are left out.

    The batches are always the same, so equal films give an equal mean.

    Args:
        items: training items of a datalist.
        network: classifier in evaluation mode, on ``device``.
        attend: attention method of the network.
        device: device that images are moved to.

    Raises:
        ValueError: the films that can be read are of fewer than two patients.
    """
    mean = MeanMap()
    logger.info("computing the mean map of %d training films once", len(items))
    for start in range(0, len(items), _BATCH):
        sources = list(_read(items[start : start + _BATCH]))
        if sources:
            images = torch.stack([fit_square(source, network.image_size) for _, source in sources]).to(device)
            maps = attend(images).region_maps(list(network.labels or [])).cpu()
            for (item, _), grid in zip(sources, maps, strict=True):
                mean.add(patient_of(item), grid)
    if len(mean.patients) < 2:
        raise ValueError(
            "selector: mean_map needs the films of other patients; expected training films of at least 2 patients that "
            f"can be read, found {len(mean.patients)}; set fixed_windows, or add training films"
        )
    return mean


def patient_of(item: Mapping[str, Any]) -> tuple[str, Any]:
    """Patient of an item; an item without ``patient_id`` is a patient of its own."""
    patient = item.get("patient_id")
    return ("image", item["image"]) if patient is None else ("patient", patient)


def films_sha256(items: Sequence[Mapping[str, Any]]) -> str:
    """Hash of the files of the films and of the films that share a patient."""
    digest = hashlib.sha256()
    present = [item["image"] for item in items if os.path.exists(item["image"])]
    content = {path: row.tobytes().hex() for path, row in zip(present, file_digests(present), strict=True)}
    for item, patient in zip(items, anonymous_groups(items), strict=True):
        digest.update(f"{patient}|{content.get(item['image'], '')}\n".encode())
    return digest.hexdigest()


def _read(items: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], torch.Tensor]]:
    """Yield the items that can be read with their images (1, H, W)."""
    for item in items:
        try:
            yield item, torch.from_numpy(read_radiograph(item["image"]).image)
        except RefusedInput as refusal:
            logger.warning("left out of the mean map: %s", refusal)
