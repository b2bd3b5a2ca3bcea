"""``watch`` killed with -9 at random moments while it works through the studies of a PACS that has trouble of its own.

    python benchmarks/watch_kill.py --studies 200 --kills 100

A small network and bicubic enhancement: only the order of steps matters. The server is the tests' own, in memory. A
kill falls a random number of requests, and a random part of a second, after a start. After each, a study that has its
results gets a second, later film. At the end every study must have exactly one result set, those with a second film one
for each, no object may have been sent twice, and nothing may wait.
"""

from __future__ import annotations

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "bundle"), str(ROOT)]

from scripts.networks.model_folder import save_vit_multilabel  # noqa: E402
from scripts.networks.vit_multilabel import ViTMultilabel  # noqa: E402

from tests.conftest import LABELS, TINY  # noqa: E402
from tests.pacs.conftest import film  # noqa: E402
from tests.pacs.fake_server import FakePacs, now_and_then, serve, url_of  # noqa: E402

EXPECTED = {"CR": 2, "OT": 1, "SEG": 1, "SR": 1}  # the enhanced image is a CR as its source is
MOST_REQUESTS, LONGEST_WAIT_S = 45, 0.3


def start(url: str, folder: Path) -> subprocess.Popen:
    """``watch``, as a user starts it."""
    options = ["--enhancer", "bicubic", "--since-days", "-1", "--interval", "0.1", "--until-idle"]
    command = [sys.executable, "-m", "bundle", "watch", url, "--out", str(folder / "out"), "--model", str(folder / "m")]
    return subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)


def kill_at_random(process: subprocess.Popen, pacs: FakePacs, chance: random.Random) -> bool:
    """Kill a process some requests after its start; whether it was still there."""
    goal = len(pacs.requests) + chance.randrange(1, MOST_REQUESTS)
    while len(pacs.requests) < goal and process.poll() is None:
        time.sleep(0.005)
    time.sleep(chance.uniform(0, LONGEST_WAIT_S))
    if process.poll() is not None:
        return False
    process.send_signal(signal.SIGKILL)
    process.wait()
    return True


def kinds_of(pacs: FakePacs, study: int) -> Counter[str]:
    """Number of a study's instances by modality."""
    return Counter(str(one.Modality) for one in pacs.of_study(f"1.2.{study}"))


def grow(pacs: FakePacs, studies: int, grown: set[int], chance: random.Random) -> None:
    """A second film for a study that has its results, and only one film so far."""
    if done := [study for study in range(studies) if study not in grown and kinds_of(pacs, study) == EXPECTED]:
        study = chance.choice(done)
        pacs.add(film(study, 2))
        grown.add(study)


def wrong_studies(pacs: FakePacs, studies: int, grown: set[int]) -> list[str]:
    """Studies that do not have exactly one result set for each film."""
    wrong = []
    for study in range(studies):
        found = kinds_of(pacs, study)
        expected = {kind: number * (1 + (study in grown)) for kind, number in EXPECTED.items()}
        if found != expected:
            wrong.append(f"1.2.{study}: {dict(found)}, expected {expected}")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--trouble", type=float, default=0.02, help="share of requests that fail")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance, pacs, kills, grown = random.Random(arguments.seed), FakePacs(), 0, set[int]()
    pacs.trouble = now_and_then(arguments.trouble, arguments.seed)
    for study in range(arguments.studies):
        pacs.add(film(study))
    server = serve(pacs)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        torch.manual_seed(0)
        network = ViTMultilabel(architecture=TINY, num_labels=len(LABELS), image_size=32)
        save_vit_multilabel(network, folder / "m", labels=LABELS, provenance={})
        while kills < arguments.kills and kill_at_random(start(url_of(server), folder), pacs, chance):
            kills += 1
            grow(pacs, arguments.studies, grown, chance)
            print(f"killed {kills} times, {len(pacs.received)} objects stored", flush=True)
        status = start(url_of(server), folder).wait()
        waiting = list((folder / "out" / "outbox").iterdir()) + list((folder / "out" / "work").iterdir())
    server.shutdown()
    wrong, twice = wrong_studies(pacs, arguments.studies, grown), len(pacs.received) - len(set(pacs.received))
    print(f"{arguments.studies} studies, {len(grown)} with a second film later, {kills} kills, last status {status}")
    print(f"studies without one result set per film: {len(wrong)}; sent twice: {twice}; left waiting: {len(waiting)}")
    print("\n".join(wrong))
    raise SystemExit(bool(wrong or twice or waiting or status or kills < arguments.kills))


if __name__ == "__main__":
    main()
