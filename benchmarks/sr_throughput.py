"""Super-resolution of regions: ours over one call of diffusers' ``LDMSuperResolutionPipeline`` for each region.

    python benchmarks/sr_throughput.py

Networks of the public checkpoint's size (113.62 and 55.32 million parameters) with the same random weights: only time,
memory and the difference of results mean anything. Two comparisons in one run, alternated, medians of the rounds: equal
steps, and default against default (10 evaluations of DPM-Solver++, the pipeline's 100 of DDIM). Beside each speed
stands what batches and the lower precision changed: the difference to the same solver in float32, region by region,
before data consistency, which would hide it. Peak memory is a whole process's, each its own.

    python benchmarks/sr_throughput.py --shipped ldm resshift residual --regions 4

measures the shipped networks with their default settings instead: seconds and processor seconds of all regions of a
film, medians of the rounds, and peak memory. Processor seconds mean something on a busy machine too.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "bundle"), str(ROOT)]

from scripts.super_resolution.cost import PEAK, resident_bytes  # noqa: E402
from scripts.super_resolution.enhancers.batching import enhance_batches  # noqa: E402
from scripts.super_resolution.enhancers.latent_diffusion import LatentDiffusionEnhancer  # noqa: E402
from scripts.super_resolution.enhancers.registry import make_enhancer  # noqa: E402

from tests.super_resolution.enhancers.test_latent_diffusion import write_public_layout  # noqa: E402

Run = Callable[[], torch.Tensor]


def ours(folder: Path, crops: torch.Tensor, batch: int, **settings: object) -> Run:
    """All regions through the enhancer, in batches."""
    enhancer = LatentDiffusionEnhancer(folder, **settings)  # type: ignore[arg-type]

    def run() -> torch.Tensor:
        generators = [torch.Generator().manual_seed(number) for number in range(len(crops))]
        return torch.stack(enhance_batches(enhancer, list(crops), generators, batch))

    return run


def pipeline(folder: Path, crops: torch.Tensor, steps: int) -> Run:
    """One call for each region, as it is documented; tensors, because images are resized without a word."""
    from diffusers import DDIMScheduler, LDMSuperResolutionPipeline, UNet2DModel, VQModel

    parts = {name: kind.from_pretrained(folder / name) for name, kind in (("unet", UNet2DModel), ("vqvae", VQModel))}
    model = LDMSuperResolutionPipeline(scheduler=DDIMScheduler.from_pretrained(folder / "scheduler"), **parts)
    model.set_progress_bar_config(disable=True)

    def run() -> torch.Tensor:
        results = []
        for number, crop in enumerate(crops):
            image = crop[None].expand(-1, 3, -1, -1) * 2 - 1
            generator = torch.Generator().manual_seed(number)
            found = model(image, num_inference_steps=steps, eta=0.0, generator=generator, output_type="np").images
            results.append(torch.from_numpy(found).mean(dim=-1))
        return torch.stack(results)

    return run


def compare(title: str, count: int, rounds: int, first: Run, second: Run) -> None:
    """Time both in turn and print the ratio."""
    times: dict[str, list[float]] = {"ours": [], "pipeline": []}
    for _ in range(rounds):
        for name, run in (("ours", first), ("pipeline", second)):
            started = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - started) / count)
    mine, theirs = (statistics.median(seconds) for seconds in times.values())
    print(f"{title}: ours {mine:.2f} s a region, pipeline {theirs:.2f} s, ratio {theirs / mine:.2f}", flush=True)


def peak_megabytes(kind: str, folder: Path, crops: torch.Tensor, batch: int, precision: str, threads: int) -> float:
    """Largest resident memory of this process after one batch; the number of steps does not change it."""
    torch.set_num_threads(threads)
    run = pipeline(folder, crops, 2) if kind == "pipeline" else ours(folder, crops, batch, precision=precision, steps=2)
    run()
    return resident_bytes(PEAK) / 1e6


def measure_shipped(name: str, crops: torch.Tensor, rounds: int, threads: int) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak megabytes of this process for all regions in one batch."""
    torch.set_num_threads(threads)
    enhancer = make_enhancer(name, folder=ROOT / "bundle" / "models" / "ldm-sr-nih")
    taken = []
    for _ in range(rounds + 1):  # the first round is not counted
        started = time.perf_counter(), time.process_time()
        generators = [torch.Generator().manual_seed(number) for number in range(len(crops))]
        enhance_batches(enhancer, list(crops), generators, len(crops))
        taken.append((time.perf_counter() - started[0], time.process_time() - started[1]))
    seconds, processor = (statistics.median(values) for values in zip(*taken[1:], strict=True))
    return seconds, processor, resident_bytes(PEAK) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--regions", type=int, default=8)
    parser.add_argument("--size", type=int, default=64, help="side of a region before enhancement, pixels")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--equal-steps", type=int, default=20, help="of both, in the first comparison")
    parser.add_argument("--steps", type=int, default=10, help="ours, by default")
    parser.add_argument("--pipeline-steps", type=int, default=100, help="the pipeline's, by default")
    parser.add_argument("--precision", default="auto", help="of our diffusion network")
    parser.add_argument("--shipped", nargs="+", default=[], help="enhancers whose shipped weights are measured instead")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    crops = 0.2 + 0.6 * torch.rand(arguments.regions, 1, arguments.size, arguments.size)
    for name in arguments.shipped:
        with get_context("spawn").Pool(1) as pool:
            shared = (name, crops, arguments.rounds, torch.get_num_threads())
            seconds, processor, peak = pool.apply(measure_shipped, shared)
        what = f"{name}: {len(crops)} regions of {arguments.size} pixels, {torch.get_num_threads()} threads"
        print(f"{what}: {seconds:.2f} s, processor {processor:.2f} s, peak memory {peak:.0f} MB", flush=True)
    if arguments.shipped:
        return
    print(f"{arguments.regions} regions of {arguments.size} pixels, batch {arguments.batch}, {arguments.precision}, "
          f"{torch.get_num_threads()} threads")  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_public_layout(folder)
        for title, solver, steps, theirs in (
            ("equal steps", "ddim", arguments.equal_steps, arguments.equal_steps),
            ("defaults", "dpm", arguments.steps, arguments.pipeline_steps),
        ):
            solving = {"solver": solver, "steps": steps}
            batched = ours(folder, crops, arguments.batch, precision=arguments.precision, **solving)
            title = f"{title} ({solver} {steps}, pipeline {theirs})"
            compare(title, len(crops), arguments.rounds, batched, pipeline(folder, crops, theirs))
            raw = {**solving, "data_consistency": False}
            fast = ours(folder, crops, arguments.batch, precision=arguments.precision, **raw)()
            error = (fast - ours(folder, crops, 1, precision="fp32", **raw)()).abs()
            print(f"  to float32, region by region: mean {error.mean():.1e}, max {error.max():.1e}", flush=True)
        shared = (folder, crops[: arguments.batch], arguments.batch, arguments.precision, torch.get_num_threads())
        peaks = []
        for kind in ("ours", "pipeline"):
            with get_context("spawn").Pool(1) as pool:
                peaks.append(pool.apply(peak_megabytes, (kind, *shared)))
        print(f"peak memory: ours {peaks[0]:.0f} MB, pipeline {peaks[1]:.0f} MB, ratio {peaks[0] / peaks[1]:.2f}")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
