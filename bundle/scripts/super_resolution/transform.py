"""MONAI transform for attention-guided super-resolution."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from ..attention import Attention, make_attention
from ..common.geometry import fit_square
from ..networks.ensemble import Network
from .enhancers.enhancer import Enhancer
from .region_enhancer import EnhanceSettings, RegionEnhancer
from .region_maps import check_selector, film_maps


class AttentionGuidedSuperResolutiond(MapTransform):
    """Enhance the regions that the classifier attends to.

    Use it after ``LoadRadiographd``, before the image is resized. The enhanced image replaces the image;
    ``meta["regions"]`` lists the boxes (row0, col0, row1, col1) in pixels of the source image, and
    ``meta["region_labels"]`` the label with the largest part in each, ``None`` for an attention method with one map
    for all labels.

    Args:
        keys: keys of (1, H, W) images in [0, 1].
        network: classifier in evaluation mode.
        enhancer: super-resolution method.
        settings: how regions are selected and pasted; default: the recommended settings.
        allow_missing_keys: whether items may lack a key.
        attention: attention method of the network; ``None`` for the attention of the CLS token in the last layer.

    Raises:
        ValueError: the selector is not known, or is ``mean_map``.
    """

    def __init__(
        self,
        keys: KeysCollection,
        network: Network,
        enhancer: Enhancer,
        settings: EnhanceSettings | None = None,
        allow_missing_keys: bool = False,
        attention: Attention | None = None,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.network, self.region_enhancer = network, RegionEnhancer(enhancer, settings)
        self.attend = attention or make_attention("last_cls", network)
        check_selector(self.region_enhancer.settings.selector)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with its images enhanced."""
        item = dict(data)
        for key in self.key_iterator(item):
            image = item[key]
            source = torch.as_tensor(image).as_subclass(torch.Tensor)
            size = self.network.image_size
            device = next(self.network.parameters()).device
            output = self.attend(fit_square(source, size)[None].to(device))
            (maps,) = film_maps(output, self.network.labels)
            regions = self.region_enhancer(source, maps, size)
            enhanced, _ = self.region_enhancer.paste(regions)
            meta = dict(image.meta) if isinstance(image, MetaTensor) else {}
            meta["regions"] = [list(region.box) for region in regions.regions]
            meta["region_labels"] = [region.label for region in regions.regions]
            item[key] = MetaTensor(enhanced, meta=meta)
        return item
