"""Load radiographs in a MONAI pipeline.

``LoadImaged`` is not used here: its default readers give opposite polarities for MONOCHROME1, it indexes (x, y), and it
keeps the path or the patient's name in the metadata.
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
    """Read a radiograph (1, H, W) float32 in [0, 1], rows first, as a ``MetaTensor``.

    The metadata are the allow-listed keys and MONAI's own ``affine`` and ``space``. They can be collated: keys without
    a value are left out, and the flags are joined to one text by "; ".

    Raises:
        RefusedInput: The file is rejected.
    """
    radiograph = read_radiograph(path)
    meta = {key: value for key, value in radiograph.meta.items() if value is not None}
    return MetaTensor(torch.from_numpy(radiograph.image), meta={**meta, "flags": "; ".join(meta["flags"])})


class LoadRadiographd(MapTransform):
    """Dictionary transform of :func:`load_radiograph`: paths to images.

    Args:
        keys: Keys of paths.
        allow_missing_keys: Whether to skip keys that an item lacks.
    """

    def __init__(self, keys: KeysCollection, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with each path replaced by its image."""
        item = dict(data)
        for key in self.key_iterator(item):
            item[key] = load_radiograph(item[key])
        return item
