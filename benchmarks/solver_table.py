"""How far a few evaluations of DPM-Solver++ are from many of DDIM: same network, same noise, same regions.

    python benchmarks/solver_table.py MODEL DATALIST

MODEL is a diffusers folder, DATALIST one of high-resolution radiographs. Each region's result is compared with that of
the longest DDIM and of the next shorter one: the default is good enough when it differs less from DDIM-100 than
DDIM-100 from DDIM-200. Root mean squares without data consistency, which would hide differences; median and quartiles.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.data.datalist import load_datalist  # noqa: E402
from scripts.dicom import read_radiograph  # noqa: E402
from scripts.experiments.sr_evaluation.sr_protocol import make_case  # noqa: E402
from scripts.super_resolution.enhancers.batching import enhance_batches  # noqa: E402
from scripts.super_resolution.enhancers.latent_diffusion import LatentDiffusionEnhancer  # noqa: E402
from scripts.super_resolution.fidelity import cut  # noqa: E402

REFERENCE = ("ddim", 200)
SOLVERS = (("dpm", 5), ("dpm", 8), ("dpm", 10), ("dpm", 20), ("ddim", 10), ("ddim", 20), ("ddim", 50), ("ddim", 100))


def regions_of(datalist: Path, split: str, count: int, size: int) -> list[torch.Tensor]:
    """Reduced regions of the first radiographs, (1, 64, 64) each."""
    found: list[torch.Tensor] = []
    for item in load_datalist(datalist).splits[split]:
        case = make_case(torch.from_numpy(read_radiograph(item["image"]).image), size, window=64, count=8)
        found += [cut(case.low_res, region) for region in case.regions] if case else []
        if len(found) >= count:
            break
    return found[:count]


def results_of(folder: Path, crops: list[torch.Tensor], solver: str, steps: int, precision: str) -> torch.Tensor:
    """(N, 1, 256, 256)."""
    settings = {"solver": solver, "steps": steps, "data_consistency": False, "gain": 1.0, "precision": precision}
    enhancer = LatentDiffusionEnhancer(folder, **settings)  # type: ignore[arg-type]
    generators = [torch.Generator().manual_seed(number) for number in range(len(crops))]
    return torch.stack(enhance_batches(enhancer, crops, generators, batch=16))


def distance(first: torch.Tensor, second: torch.Tensor) -> np.ndarray:
    """Root mean square of each region: (N,)."""
    return (first - second).square().mean(dim=(1, 2, 3)).sqrt().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("datalist", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--regions", type=int, default=56)
    parser.add_argument("--size", type=int, default=1024, help="longer side of a radiograph before its reduction")
    parser.add_argument("--precision", default="fp32", help="fp32 shows the solvers alone, auto what is run")
    arguments = parser.parse_args()
    crops = regions_of(arguments.datalist, arguments.split, arguments.regions, arguments.size)
    print(f"{len(crops)} regions, {arguments.precision}")
    results = {}
    for solver, steps in (*SOLVERS, REFERENCE):
        started = time.perf_counter()
        results[solver, steps] = results_of(arguments.model, crops, solver, steps, arguments.precision)
        seconds = (time.perf_counter() - started) / len(crops)
        print(f"  {solver} {steps}: {seconds:.2f} s a region", file=sys.stderr, flush=True)
    print("| solver | to DDIM-100, median [quartiles] | to DDIM-200, median [quartiles] |\n|---|---|---|")
    for solver, steps in SOLVERS:
        cells = []
        for reference in (("ddim", 100), REFERENCE):
            low, middle, high = np.quantile(distance(results[solver, steps], results[reference]), [0.25, 0.5, 0.75])
            cells.append(f"{middle:.5f} [{low:.5f}, {high:.5f}]")
        print(f"| {solver} {steps} | {' | '.join(cells)} |")
    default = float(np.median(distance(results["dpm", 10], results["ddim", 100])))
    allowed = float(np.median(distance(results["ddim", 100], results[REFERENCE])))
    print(f"dpm 10 to ddim 100: {default:.5f}; ddim 100 to ddim 200: {allowed:.5f}; ratio {default / allowed:.2f}")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
