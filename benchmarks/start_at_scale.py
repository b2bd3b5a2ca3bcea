"""Time and memory of the start of a training on a large datalist, for the first and for a later run.

    python benchmarks/start_at_scale.py
    python benchmarks/start_at_scale.py --films 1000

The films are made here: 1,000 small PNG files, and hard links to them until there are enough names. So every name is
looked up, hashed and kept as that of a film of its own, but only 1,000 pictures are decoded: the time of decoding is
that of 1,000 small pictures, and the files come from the memory of the system. Each start is in a process of its own,
after the imports, which are not in the times. Processor time of all threads (user and system), which depends less on
other work of the machine than the time on a clock; the latter is in brackets. Linux only.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Compose
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bundle"))

from scripts.data.datalist import load_datalist  # noqa: E402
from scripts.data.dataset import RadiographDataset  # noqa: E402
from scripts.training.checkpoint import TrainingCheckpoint  # noqa: E402
from scripts.transforms import FitSquared, LoadRadiographd  # noqa: E402

SIZES = (1000, 10_000, 240_000)
DISTINCT, SIDE, LABELS = 1000, 32, [f"finding {number}" for number in range(14)]
SPLITS = {"training": 0.8, "validation": 0.1, "test": 0.1}


def write_films(folder: Path, films: int) -> None:
    """Write the films and their datalist; the links to a picture are all in one split, as films of one patient."""
    rng = np.random.default_rng(0)
    ends = np.cumsum(list(SPLITS.values())) * DISTINCT
    content: dict = {"labels": LABELS, **{split: [] for split in SPLITS}, "split": {"by": "patient", "seed": 0}}
    (folder / "films").mkdir()
    for number in range(DISTINCT):
        split = list(SPLITS)[int(np.searchsorted(ends, number, side="right"))]
        first = folder / "films" / f"{number:04}"
        first.mkdir()
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)).save(first / "000.png")
        for link in range(len(range(number, films, DISTINCT))):
            path = first / f"{link:03}.png"
            if link:
                os.link(first / "000.png", path)
            label = [int(value) for value in rng.integers(0, 2, len(LABELS))]
            item = {"image": path.relative_to(folder).as_posix(), "label": label, "patient_id": f"patient {number}"}
            content[split].append({**item, "view": "PA", "sex": "F", "age": 61.0})
    (folder / "datalist.json").write_text(json.dumps(content))


def start(folder: Path, answer: Connection) -> None:
    """Send the steps of the start of a training, each with processor time and time on a clock, and memory in MB."""
    # A start resets the largest memory of the process, which otherwise has that of the writing in it.
    Path("/proc/self/clear_refs").write_text("5")
    steps: dict[str, tuple[float, float]] = {}
    memory = {"imports": _peak_mb()}
    processor, clock = time.process_time(), time.perf_counter()

    def step(name: str) -> None:
        nonlocal processor, clock
        steps[name] = time.process_time() - processor, time.perf_counter() - clock
        processor, clock = time.process_time(), time.perf_counter()

    datalist = load_datalist(folder / "datalist.json", check_files=True)
    step("datalist")
    memory["datalist"] = _peak_mb()
    preprocessing = Compose([LoadRadiographd(keys="image"), FitSquared(keys="image", size=SIDE)])
    sets = [
        RadiographDataset(datalist.splits[split], preprocessing, cache_dir=folder / "cache")
        for split in ("training", "validation")
    ]
    step("data sets")
    TrainingCheckpoint(folder / "checkpoint.pt", {}, {}, torch.device("cpu"), datasets=sets).images_sha256()
    step("checkpoint")
    memory["all"] = _peak_mb()
    answer.send((steps, memory))


def _peak_mb() -> float:
    """Largest memory of this process so far, in MB."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return float(line.split()[1]) / 1024


def in_process(work: Callable[..., None], *arguments: Any) -> None:
    """Run a function in a process of its own, which has the imports already.

    Raises:
        RuntimeError: it failed.
    """
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{work.__name__} failed")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=int, nargs="+", default=SIZES, help="numbers of films")
    options = parser.parse_args()
    print("| films | start | s | µs a film | datalist, s | data sets, s | checkpoint, s | MB: imports, datalist, all |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for films in options.films:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["CXR_CACHE"] = f"{folder}/kept"
            in_process(write_films, Path(folder), films)
            time.sleep(3)  # files that were written a moment ago are not kept
            for run in ("first", "second"):
                here, there = multiprocessing.Pipe(duplex=False)
                in_process(start, Path(folder), there)
                steps, memory = here.recv()
                total, elapsed = (sum(times[number] for times in steps.values()) for number in (0, 1))
                cells = [f"{films:,}", run, f"{total:.2f} ({elapsed:.1f})", f"{total / films * 1e6:.0f}"]
                cells += [f"{processor:.2f}" for processor, _ in steps.values()]
                print(f"| {' | '.join([*cells, ', '.join(f'{value:.0f}' for value in memory.values())])} |", flush=True)


if __name__ == "__main__":
    main()
