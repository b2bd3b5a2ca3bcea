"""Start of ``predict`` for one film, against the import that any program with a DINOv2 pays.

    python benchmarks/cold_start.py [--film FILE] [--runs 3]

Each program runs in a process of its own, in turns. The table has the median processor time of a process (user and
system, one thread), which depends less on other work of the machine than the time on a clock, and its ratio to the
import.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORT = "import torch; from transformers import Dinov2Model"


def processor_time(command: list[str]) -> float:
    """Seconds of processor time of a command.

    Raises:
        CalledProcessError: the command failed.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--film", type=Path, default=None, help="radiograph; default: a phantom")
    parser.add_argument("--runs", type=int, default=3, help="runs of each program")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        film = options.film
        if film is None:
            program = [sys.executable, "-m", "bundle", "phantoms", f"{folder}/phantoms", "--patients", "1"]
            subprocess.run(program, cwd=ROOT, check=True, capture_output=True)
            film = next(Path(folder, "phantoms").rglob("*.dcm"))
        predict = [sys.executable, "-m", "bundle", "predict", str(film.absolute()), "--out", f"{folder}/out"]
        programs = {
            IMPORT: [sys.executable, "-c", IMPORT],
            "predict --no-enhance": [*predict, "--no-enhance"],
            "predict": predict,
        }
        times: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(options.runs):
            for name, command in programs.items():
                times[name].append(processor_time(command))
    reference = statistics.median(times[IMPORT])
    print("| program | processor time, s | ratio |\n|---|---|---|")
    for name, found in times.items():
        median = statistics.median(found)
        print(f"| `{name}` | {median:.1f} | {median / reference:.2f} |")


if __name__ == "__main__":
    main()
