"""Load radiographs in a MONAI pipeline.

Not ``LoadImaged``: it falls through a list of readers that give opposite polarities for MONOCHROME1, it indexes (x, y),
and it leaves the path or the patient's name in the meta.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from ..dicom.read.radiograph import read_radiograph


def load_radiograph(path: str | Path) -> MetaTensor:
    """Radiograph (1, H, W) float32 in [0, 1], rows first, as a ``MetaTensor``.

    The meta has the allow-listed keys that are known, and MONAI's own ``affine`` and ``space``. It can be collated: a
    key without a value is left out, and the flags are one text, joined by "; ".

    Raises:
        RefusedInput: the file is not read.
    """
    radiograph = read_radiograph(path)
    meta = {key: value for key, value in radiograph.meta.items() if value is not None}
    return MetaTensor(torch.from_numpy(radiograph.image), meta={**meta, "flags": "; ".join(meta["flags"])})


class LoadRadiographd(MapTransform):
    """Dictionary transform of :func:`load_radiograph`: paths to images.

    Args:
        keys: keys of paths.
        allow_missing_keys: skip a key that an item lacks.
    """

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Item with each path replaced by its image."""
        item = dict(data)
        for key in self.key_iterator(item):
            item[key] = load_radiograph(item[key])
        return item
