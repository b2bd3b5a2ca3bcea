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
    """MONAI reader of one radiograph per file: (1, H, W) float32 in [0, 1], rows first.

    If :meth:`read` raises an error, ``LoadImage`` silently tries its other readers, which ignore the window and partly
    ignore MONOCHROME1. Therefore ``read`` only returns the path. The file is read in :meth:`get_data`, whose
    :class:`RefusedInput` reaches the caller (``LoadImaged`` and ``Compose`` wrap it; ``find_refusal`` unwraps it).

    ``LoadImage`` adds the path to the metadata as ``filename_or_obj``; ``LoadRadiographd`` does not.

    Args:
        window: Index of the window or VOI LUT of a DICOM header, from 0.
    """

    def __init__(self, window: int = 0) -> None:
        self.window = window

    def verify_suffix(self, filename: Sequence[str | os.PathLike] | str | os.PathLike) -> bool:
        """Return True, because the format is determined from the content and not from the name."""
        return True

    def read(self, data: Sequence[str | os.PathLike] | str | os.PathLike, **kwargs: Any) -> list[Path]:
        """Return the paths for :meth:`get_data`."""
        return [Path(data)] if isinstance(data, str | os.PathLike) else [Path(path) for path in data]

    def get_data(self, img: Sequence[Path]) -> tuple[np.ndarray, dict[str, Any]]:
        """Read an image and its allow-listed metadata.

        The metadata can be collated: keys without a value are left out, and the flags are joined to one text.

        Raises:
            RefusedInput: The file is rejected, or there are several files, which MONAI would stack.
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
