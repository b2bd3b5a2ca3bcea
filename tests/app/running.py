"""``cxr-attention-sr serve`` in a process of its own."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


@contextmanager
def running(model_dir, folder, *options):
    """Start the command; yield (process, address of the page), and end the process.

    Its temporary files are in ``folder/temp``, and its log in ``folder/log``.
    """
    (folder / "temp").mkdir()
    environment = {**os.environ, "TMPDIR": str(folder / "temp"), "OMP_NUM_THREADS": "1"}
    options = ["--port", "0", "--model", model_dir, "--enhancer", "bicubic", "--device", "cpu", *options]
    command = [sys.executable, "-m", "bundle", "serve", *map(str, options)]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, encoding="utf-8"
        )
        try:
            before = []
            for line in process.stdout:
                if line.startswith("http://127.0.0.1:"):
                    yield process, line.strip()
                    break
                before.append(line)
            else:
                raise AssertionError("".join(before) + (folder / "log").read_text())
        finally:
            process.kill()
            process.communicate()
