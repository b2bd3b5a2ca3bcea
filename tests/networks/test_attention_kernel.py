"""The kernel of training in bf16 gives the attention of the fused one, and its gradients."""

from __future__ import annotations

import pytest
import torch
from scripts.networks import attention_kernel
from scripts.networks.attention_kernel import _attend
from scripts.networks.vit_multilabel import ViTMultilabel
from torch import nn

from tests.conftest import LABELS, TINY

HEADS, TOKENS, WIDTH = 3, 17, 8


def queries(dtype: torch.dtype) -> list[torch.Tensor]:
    """Query, key and value (2, H, N, d), the same for every precision."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, HEADS, TOKENS, WIDTH)
    return [torch.randn(shape, generator=generator).bfloat16().to(dtype).requires_grad_() for _ in range(3)]


def run(dtype: torch.dtype) -> list[torch.Tensor]:
    """Result and gradients, in float32."""
    inputs, layer = queries(dtype), nn.Identity()
    layer.is_causal = False
    mixed, weights = _attend(layer, *inputs, None, scaling=0.4)
    assert weights is None and mixed.shape == (2, TOKENS, HEADS, WIDTH)
    mixed.float().square().sum().backward()
    return [mixed.detach().float(), *(part.grad.float() for part in inputs)]


def test_products_of_bf16_agree_with_the_fused_kernel_in_float32() -> None:
    for found, expected in zip(run(torch.bfloat16), run(torch.float32), strict=True):
        assert (found - expected).abs().max() < 0.02 * expected.abs().max()


@pytest.mark.parametrize(
    ("dtype", "trains", "kept", "expected"),
    [
        (torch.bfloat16, True, 10**9, True),
        (torch.bfloat16, False, 10**9, False),
        (torch.float32, True, 10**9, False),
        (torch.bfloat16, True, 2 * HEADS * TOKENS**2 * 2 - 1, False),
    ],
)
def test_is_used_where_it_is_faster_and_fits(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, trains: bool, kept: int, expected: bool
) -> None:
    monkeypatch.setattr(attention_kernel, "_KEPT_BYTES", kept)
    with torch.set_grad_enabled(trains):
        query = queries(dtype)[0] * 1
        assert attention_kernel._is_matmul_faster(query) is expected


@pytest.mark.parametrize("changes", [{"dropout": 0.5}, {"attention_mask": torch.ones(1, 1, TOKENS, TOKENS).bool()}])
def test_what_it_does_not_do_is_left_to_the_fused_kernel(monkeypatch: pytest.MonkeyPatch, changes: dict) -> None:
    monkeypatch.setattr(attention_kernel, "_multiply", None)
    layer = nn.Identity()
    layer.is_causal = False
    mixed, _ = _attend(layer, *queries(torch.bfloat16), **{"attention_mask": None, **changes})
    assert mixed.shape == (2, TOKENS, HEADS, WIDTH)


def test_network_trains_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    kernel = attention_kernel._multiply
    monkeypatch.setattr(attention_kernel, "_multiply", lambda *args: calls.append(1) or kernel(*args))
    network = ViTMultilabel(num_labels=len(LABELS), architecture=TINY, image_size=32)
    image = torch.rand(2, 1, network.image_size, network.image_size)
    with torch.autocast("cpu", torch.bfloat16):
        network(image).sum().backward()
    assert len(calls) == network.backbone.config.num_hidden_layers
