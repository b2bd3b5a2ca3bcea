"""``read_radiograph`` as a MONAI ``ImageReader``: ``LoadImaged("image", reader=RadiographReader)``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.data.image_reader import ImageReader
from monai.utils.enums import MetaKeys

from ...common.refusal import RefusedInput
from .radiograph import read_radiograph


class RadiographReader(ImageReader):
    """One radiograph a file, (1, H, W) float32 in [0, 1], rows first; never another reader in its place.

    ``LoadImage`` asks its other readers, in silence, when :meth:`read` raises; they show MONOCHROME1 inverted or not,
    and windows never. So ``read`` only takes the path, and the file is read in :meth:`get_data`, from which
    :class:`RefusedInput` passes through (``LoadImaged`` and ``Compose`` wrap it: see ``find_refusal``).

    ``LoadImage`` adds the path to the meta, as ``filename_or_obj``; ``LoadRadiographd`` does not.

    Args:
        window: which of the windows or VOI LUTs that a DICOM header offers, from 0.
    """

    def __init__(self, window: int = 0) -> None:
        self.window = window

    def verify_suffix(self, filename: Sequence[str | os.PathLike] | str | os.PathLike) -> bool:
        """True: the content decides, not the name."""
        return True

    def read(self, data: Sequence[str | os.PathLike] | str | os.PathLike, **kwargs: Any) -> list[Path]:
        """The paths, for :meth:`get_data`."""
        return [Path(data)] if isinstance(data, str | os.PathLike) else [Path(path) for path in data]

    def get_data(self, img: Sequence[Path]) -> tuple[np.ndarray, dict[str, Any]]:
        """Image and its allow-listed meta, which can be collated: no key without a value, the flags one text.

        Raises:
            RefusedInput: the file is not read, or there are several, which MONAI would stack.
        """
        if len(img) != 1:
            raise RefusedInput(
                "SEVERAL_FILES", "several files as one image", "1 file", f"{len(img)}", "make each an item of its own"
            )
        radiograph = read_radiograph(img[0], self.window)
        meta = {key: value for key, value in radiograph.meta.items() if value is not None}
        meta["flags"] = "; ".join(meta["flags"])
        meta[MetaKeys.ORIGINAL_CHANNEL_DIM] = 0
        meta[MetaKeys.SPATIAL_SHAPE] = np.array(radiograph.image.shape[1:])
        return radiograph.image, meta
