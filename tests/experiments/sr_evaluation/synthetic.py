"""Radiograph-like pictures with known properties."""

import torch


def film(height=256, width=256, seed=0):
    """Smooth tissue, a bright bar with sharp edges, and fine texture: (1, H, W) in [0, 1]."""
    rows, columns = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    image = 0.45 + 0.2 * torch.sin(6 * rows) * torch.cos(5 * columns)
    image[:, width // 3 : width // 3 + 12] += 0.15
    noise = torch.randn(height, width, generator=torch.Generator().manual_seed(seed))
    return (image + 0.02 * noise).clamp(0, 1)[None]
