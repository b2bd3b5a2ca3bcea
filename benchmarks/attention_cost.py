"""What the last-layer CLS attention costs: forward pass with its hooks over the plain forward pass.

    python benchmarks/attention_cost.py --batch 4 --repeats 15

The passes alternate, the first of each is thrown away, medians are compared. A ratio near 1 is the claim; the
plain pass timed against itself shows how far from 1 noise alone goes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.attention import attention_maps  # noqa: E402
from scripts.networks import ViTMultilabel  # noqa: E402

DINOV2_SMALL = ROOT.parent / "shared" / "models" / "dinov2-small"
VIT_S = {"hidden_size": 384, "num_hidden_layers": 12, "num_attention_heads": 6, "intermediate_size": 1536}


def networks() -> dict[str, ViTMultilabel]:
    found = {"ViT-S/16, random": ViTMultilabel(architecture={**VIT_S, "patch_size": 16}, num_labels=14)}
    if DINOV2_SMALL.is_dir():
        found["DINOv2-small"] = ViTMultilabel(DINOV2_SMALL, num_labels=14)
    return found


def passes(network: ViTMultilabel, images: torch.Tensor) -> dict[str, Callable[[], object]]:
    @torch.inference_mode()
    def plain() -> torch.Tensor:
        return network(images)

    return {"plain": plain, "hooked": lambda: attention_maps(network, images), "again": plain}


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def medians(actions: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repeats + 1):
        for name, action in actions.items():
            times[name].append(seconds(action))
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    images = torch.rand(arguments.batch, 1, 224, 224)
    for name, network in networks().items():
        network.eval()
        found = medians(passes(network, images), arguments.repeats)
        ratio, noise = found["hooked"] / found["plain"], found["again"] / found["plain"]
        times = f"plain {found['plain']:.3f} s, hooked {found['hooked']:.3f} s"
        print(f"{name}: {times}, ratio {ratio:.3f}; noise {noise:.3f}")


if __name__ == "__main__":
    main()
