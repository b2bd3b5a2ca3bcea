"""Training step of ViTMultilabel over that of the bare Hugging Face backbone with a linear layer, at equal precision.

    python benchmarks/training_throughput.py --batch 4 --repeats 9 --precision bf16

Forward, loss, backward, fused AdamW. Both alternate on one batch; ratio of medians, above 1 where ours is slower. Ours
adds what the project needs: one grey channel normalised inside the network, masked loss, layer-wise rates.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.networks import MaskedBCEWithLogitsLoss, ViTMultilabel, layer_wise_param_groups  # noqa: E402

VIT_S = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "intermediate_size": 1536}
LABELS = 14


def ours(images: torch.Tensor, targets: torch.Tensor, autocast: Callable[[], torch.autocast]) -> Callable[[], None]:
    network = ViTMultilabel(architecture={**VIT_S, "patch_size": 16}, num_labels=LABELS)
    optimizer = torch.optim.AdamW(layer_wise_param_groups(network, lr=1e-4), fused=True)
    loss_function = MaskedBCEWithLogitsLoss()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with autocast():
            logits = network(images)
        loss_function(logits, targets).backward()
        optimizer.step()

    return step


def bare(images: torch.Tensor, targets: torch.Tensor, autocast: Callable[[], torch.autocast]) -> Callable[[], None]:
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model("vit", **VIT_S, patch_size=16)
    backbone = AutoModel.from_config(config, attn_implementation="sdpa", add_pooling_layer=False)
    head = torch.nn.Linear(VIT_S["hidden_size"], LABELS)
    optimizer = torch.optim.AdamW([*backbone.parameters(), *head.parameters()], lr=1e-4, fused=True)
    normalised = ((images - 0.5) / 0.5).repeat(1, 3, 1, 1)  # made outside the step: the fastest that it can be

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with autocast():
            logits = head(backbone(normalised).last_hidden_state[:, 0])
        F.binary_cross_entropy_with_logits(logits.float(), targets).backward()
        optimizer.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    arguments = parser.parse_args()
    images = torch.rand(arguments.batch, 1, 224, 224)
    targets = torch.randint(0, 2, (arguments.batch, LABELS)).float()

    def autocast() -> torch.autocast:
        return torch.autocast("cpu", torch.bfloat16, enabled=arguments.precision == "bf16")

    steps = {"ours": ours(images, targets, autocast), "bare": bare(images, targets, autocast)}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(arguments.repeats + 1):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - started)
    speed = {name: arguments.batch / statistics.median(values[1:]) for name, values in times.items()}
    print(
        f"ViT-S/16, 224 px, batch {arguments.batch}, {arguments.precision}: ours {speed['ours']:.2f} images/s, "
        f"bare {speed['bare']:.2f} images/s, time ratio {speed['bare'] / speed['ours']:.3f}"
    )


if __name__ == "__main__":
    main()
