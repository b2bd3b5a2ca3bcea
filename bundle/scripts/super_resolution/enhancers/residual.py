"""Super-resolution by a small regression network (EDSR, arXiv 1707.02921), the trained baseline for diffusion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ..networks.regression_network import RegressionNetwork
from ..networks.weight_folder import find_part, hash_parts, load_network
from .data_consistency import data_consistent


class ResidualEnhancer:
    """Bicubic interpolation plus a residual that a network predicts.

    Args:
        folder: model folder that ``run sr_training`` wrote, or its part ``regression/``.
        data_consistency: whether to correct the result until it reduces to its input.
        device: device of the network.

    Raises:
        FileNotFoundError: the folder has no such network.
        ValueError: the weights do not fit.
    """

    name, needs_native = "residual", False

    def __init__(
        self, folder: str | Path, *, data_consistency: bool = True, device: torch.device | str = "cpu"
    ) -> None:
        source = find_part(folder, "regression")
        self.device = torch.device(device)
        self.network = load_network(RegressionNetwork, source).to(self.device)
        self.scale = self.network.scale
        self.data_consistency = data_consistency
        self.weights_hash = hash_parts(source, settings=(data_consistency,))

    @torch.inference_mode()
    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """Enlarge regions (N, 1, h, w) in [0, 1] to (N, 1, scale * h, scale * w)."""
        low_res = low_res.to(self.device, torch.float32)
        high_res = self.network(low_res)
        if self.data_consistency:
            high_res = data_consistent(high_res, low_res)
        return high_res.cpu()
