"""Table of what a GPU does: training, classification with maps, and super-resolution, beside the CPU of the machine.

    python benchmarks/gpu_table.py
    python benchmarks/gpu_table.py --batch 64 --repeats 20

Images and regions per second, as medians, and the largest memory of the GPU. Networks have the sizes of the paper and
random weights; images lie in memory. Differences of the results between GPU and CPU are those of float32. Without a GPU
it says so and prints nothing else.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.attention import make_attention  # noqa: E402
from scripts.inference import make_classifier  # noqa: E402
from scripts.networks import ViTMultilabel, make_loss  # noqa: E402
from scripts.super_resolution.enhancers.registry import make_enhancer  # noqa: E402
from scripts.training import AutocastInferer, compiled  # noqa: E402

VIT_B = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
LABELS, SIZE, REGION = 14, 224, 64
MODEL = ROOT / "bundle" / "models" / "ldm-sr-nih"


def median_rate(work: Callable[[], object], count: int, repeats: int) -> float:
    """Units per second of ``work``, which does ``count`` of them; the first run is thrown away."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return count / statistics.median(times[1:])


def training(network: ViTMultilabel, device: str, precision: str, batch: int, *, compile: bool) -> Callable[[], object]:
    """One step of training on images in memory."""
    network = copy.deepcopy(network).to(device).train()
    compiled(network, compile)
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-5, fused=True)
    images, labels = torch.rand(batch, 1, SIZE, SIZE).to(device), torch.ones(batch, LABELS).to(device)
    loss = make_loss("bce", [0.1] * LABELS)

    def step() -> None:
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            logits = network(images)
        loss(logits.float(), labels).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def classification(network: ViTMultilabel, device: str, precision: str, batch: int) -> Callable[[], torch.Tensor]:
    """Logits and maps of images in memory, as in a prediction."""
    network = copy.deepcopy(network).to(device).eval()
    attention = make_attention("last_cls", network)
    classifier = make_classifier("torch", network, attention, AutocastInferer(precision), device, MODEL)
    images = torch.rand(batch, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    return lambda: classifier(images).logits


def enhancement(device: str, precision: str, batch: int) -> Callable[[], torch.Tensor]:
    """Regions by the shipped diffusion model with its default steps."""
    enhancer = make_enhancer("ldm", folder=MODEL, precision=precision, device=device)
    regions = torch.rand(batch, 1, REGION, REGION, generator=torch.Generator().manual_seed(0))

    def enhance() -> torch.Tensor:
        generators = [torch.Generator().manual_seed(number) for number in range(batch)]
        return enhancer.enhance(regions, generators=generators)

    return enhance


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32, help="images or regions at once")
    parser.add_argument("--repeats", type=int, default=10, help="timed runs of each row")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("no GPU: this table needs one that PyTorch can use, and none was found")
        return
    torch.manual_seed(0)
    network = ViTMultilabel(architecture={**VIT_B, "patch_size": 16}, num_labels=LABELS)
    batch, cpu_batch = options.batch, min(options.batch, 4)
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, batch {batch} (CPU: {cpu_batch})\n")
    print("| work | precision | GPU, per second | CPU, per second | GPU memory, GB |\n|---|---|---|---|---|")
    rows: list[tuple[str, str, Callable[..., Callable[[], object]]]] = []
    for precision in ("fp32", "bf16"):
        rows += [
            ("training", precision, lambda d, p, n: training(network, d, p, n, compile=False)),
            ("training, compiled", precision, lambda d, p, n: training(network, d, p, n, compile=True)),
            ("classification with maps", precision, lambda d, p, n: classification(network, d, p, n)),
            ("super-resolution", precision, enhancement),
        ]
    for name, precision, make in rows:
        torch.cuda.reset_peak_memory_stats()
        gpu = median_rate(make("cuda", precision, batch), batch, options.repeats)
        memory = torch.cuda.max_memory_allocated() / 1e9
        cpu = median_rate(make("cpu", precision, cpu_batch), cpu_batch, 1)
        print(f"| {name} | {precision} | {gpu:.1f} | {cpu:.2f} | {memory:.2f} |", flush=True)
    for name, make in (("logits", lambda d: classification(network, d, "fp32", 4)),
                       ("regions", lambda d: enhancement(d, "fp32", 4))):  # fmt: skip
        gpu, cpu = (make(device)() for device in ("cuda", "cpu"))
        print(f"\nlargest difference of the {name} between GPU and CPU, fp32: {(gpu.cpu() - cpu).abs().max():.1e}")


if __name__ == "__main__":
    main()
