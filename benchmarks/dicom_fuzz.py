"""Hostile DICOM files: mutations of the conformance cases with fixed seeds, of files and of frames alone, and bombs.

    python benchmarks/dicom_fuzz.py --files 50000 --frames 20000

Few damages to a whole file get as far as a decoder; those to the frame of a compressed one do. Reading runs in a child
process for every 1,000 files, so that its death or hang is counted and costs one file. To be reported as 0: deaths,
hangs (more than 20 s), exceptions other than RefusedInput, images that leave [0, 1]. Of each bomb: code, seconds and
peak memory above the idle process, its decoder's included.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "bundle"), str(ROOT)]

from scripts.dicom import RefusedInput, read_radiograph  # noqa: E402
from scripts.dicom.decode.decoder_pool import DECODER_POOL  # noqa: E402

from tests.dicom.bombs import BOMBS  # noqa: E402
from tests.dicom.cases import all_cases  # noqa: E402
from tests.dicom.mutations import mutate, mutate_frame  # noqa: E402
from tests.dicom.synthetic import save  # noqa: E402

CHUNK, HANG_S = 1000, 20.0
Mutation = Callable[[bytes, int], bytes]


def read(path: Path) -> str:
    """What came of a file: ``read``, the code of a refusal, or what must not happen."""
    try:
        image = read_radiograph(path).image
    except RefusedInput as refusal:
        return refusal.code
    except BaseException as error:
        return f"EXCEPTION {type(error).__name__}"
    inside = np.isfinite(image).all() and image.min() >= 0 and image.max() <= 1
    return "read" if inside else "OUTSIDE [0, 1]"


def is_failure(outcome: str) -> bool:
    return outcome in ("HANG", "DEATH") or " " in outcome


def read_mutations(change: Mutation, seeds: list[bytes], numbers: range, folder: Path, results: Connection) -> None:
    path = folder / "mutation.dcm"
    for number in numbers:
        path.write_bytes(change(seeds[number % len(seeds)], number))
        results.send((number, read(path)))


def fuzz(change: Mutation, seeds: list[bytes], count: int, folder: Path) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    following = 0
    while following < count:
        numbers = range(following, min(following + CHUNK, count))
        receiver, sender = multiprocessing.Pipe(duplex=False)
        child = multiprocessing.get_context("fork").Process(
            target=read_mutations, args=(change, seeds, numbers, folder, sender)
        )
        child.start()
        sender.close()
        while following < numbers.stop:
            try:
                if not receiver.poll(HANG_S):
                    raise TimeoutError
                number, outcome = receiver.recv()
            except (EOFError, TimeoutError) as error:
                number, outcome = following, "HANG" if isinstance(error, TimeoutError) else "DEATH"
            outcomes[outcome] += 1
            following = number + 1
            if is_failure(outcome):
                print(f"mutation {number}: {outcome}", flush=True)
            if outcome in ("HANG", "DEATH"):
                break
        child.kill()
        child.join()
    return outcomes


def explode(path: Path, result: Connection) -> None:
    def peak() -> int:
        return sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))

    idle, started = peak(), time.perf_counter()
    outcome = read(path)
    seconds = time.perf_counter() - started
    DECODER_POOL.stop()  # only a child that has ended is in the sum
    result.send((outcome, seconds, (peak() - idle) * 1024 / 1e6))


def bombs(folder: Path) -> None:
    for name, (make, expected) in BOMBS.items():
        path = folder / "bomb.dcm"
        make(path)
        receiver, sender = multiprocessing.Pipe(duplex=False)
        child = multiprocessing.get_context("fork").Process(target=explode, args=(path, sender))
        child.start()
        sender.close()
        outcome, seconds, megabytes = receiver.recv()
        child.join()
        size = path.stat().st_size / 1e6
        verdict = "" if outcome in expected and seconds < 2 and megabytes < 1000 else "  <-- MISSED"
        print(f"{name:44} {size:9.2f} MB  {outcome:14} {seconds:6.2f} s  {megabytes:5.0f} MB{verdict}", flush=True)
        path.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--frames", type=int, default=20_000)
    arguments = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bombs(folder)
        cases = [case.dataset for case in all_cases() if case.truth is not None]
        compressed = [dataset for dataset in cases if dataset.file_meta.TransferSyntaxUID.is_encapsulated]
        for change, count, seeds in ((mutate, arguments.files, cases), (mutate_frame, arguments.frames, compressed)):
            files = [save(dataset, folder / "seed.dcm").read_bytes() for dataset in seeds]
            started = time.perf_counter()
            outcomes = fuzz(change, files, count, folder)
            seconds = time.perf_counter() - started
            print(f"{change.__name__}: {outcomes.total()} mutations of {len(files)} files in {seconds:.0f} s")
            for outcome, number in outcomes.most_common():
                print(f"  {number:6} {outcome}", flush=True)
            failed |= any(map(is_failure, outcomes))
    if failed:
        sys.exit("there was an outcome that must not be")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
