"""Views as data sets on disk, for the training workflow: 16-bit PNGs, a datalist, and the crops of ``zoom`` views."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ...common.atomic import write_json
from ...data.datalist import Datalist, write_datalist
from ...data.splitting import SPLITS
from ...dicom import read_radiograph, write_png16
from ...dicom.read.radiograph import read_grid
from .arms import View
from .cases import Cases
from .views import Viewer

_KEPT = ("label", "patient_id")  # keys of the item of a case


def write_view(folder: Path, name: str, viewer: Viewer, view: View, noise_seed: int) -> None:
    """Write one case of a view. The image is written last, so that an image that exists means a complete case.

    Args:
        folder: folder of the view.
        name: name of the image in the folder.
        viewer: viewer of the case.
        view: view to write.
        noise_seed: seed of the noise of a random view.
    """
    if view.mode == "zoom":
        inputs = viewer.network_inputs(view, noise_seed)
        write_png16(torch.cat(inputs.crops, dim=1)[0].numpy(), _crops_of(folder / name))
        write_json(_boxes_of(folder / name), [list(box) for box in inputs.windows])
    write_png16(viewer.picture(view, noise_seed)[0].numpy(), folder / name)


def write_cases(folder: Path, cases: Cases, file_name: str = "datalist.json") -> Path:
    """Write the datalist of a view and return its path.

    Args:
        folder: folder of the view.
        cases: cases of the datalist.
        file_name: name of the datalist.
    """
    splits: dict[str, list[dict[str, Any]]] = {name: [] for name in SPLITS}
    for case in cases.cases:
        image = (folder / case.name).absolute()
        item = {"image": str(image), **{key: case.item[key] for key in _KEPT}}
        if case.item.get("boxes"):
            item["boxes"] = _boxes_in(image, case.item)
        splits[case.split].append(item)
    write_datalist(Datalist(cases.labels, splits), folder / file_name)
    return folder / file_name


def _boxes_in(image: Path, item: dict[str, Any]) -> list[dict[str, Any]]:
    """Boxes of the findings of an item in pixels of its image in a view, from which a patch head learns."""
    grid = read_grid(item["image"])
    with Image.open(image) as picture:
        factor = picture.width / grid.displayed_shape[1]
    return [{**box, "xywh": [round(value * factor, 2) for value in grid.box(box["xywh"])]} for box in item["boxes"]]


def _crops_of(image: Path) -> Path:
    """File of the crops of an image, one below the other."""
    return image.with_suffix(".crops.png")


def _boxes_of(image: Path) -> Path:
    """File of the boxes of the crops."""
    return image.with_suffix(".json")


class StoredCrops:
    """Crops that :func:`write_view` wrote, in the form that ``RadiographDataset`` and ``ZoomViT`` expect.

    Args:
        count: number K of crops.
    """

    def __init__(self, count: int) -> None:
        self.count = count

    def prepare(self, paths: Sequence[str]) -> None:
        """Do nothing, because all crops exist."""

    def __call__(self, path: str) -> dict[str, Any]:
        """``zoom`` (K, s, s) float32 in [0, 1] and ``zoom_boxes`` (K, 4); zeros where there are fewer regions."""
        boxes = np.array(json.loads(_boxes_of(Path(path)).read_text(encoding="utf-8")), dtype=np.float32)
        found = torch.from_numpy(read_radiograph(_crops_of(Path(path))).image)[0].unflatten(0, (len(boxes), -1))
        crops, places = torch.zeros(self.count, *found.shape[1:]), torch.zeros(self.count, 4)
        crops[: len(found)], places[: len(boxes)] = found, torch.from_numpy(boxes)
        return {"zoom": crops, "zoom_boxes": places}
