"""The package on a system without fork, memory files, ``fcntl``, ``resource``, timer signals and ``/proc``.

Windows and macOS are simulated: a process on Linux from which these calls were taken away. The start method of
processes is ``spawn``, as there.
"""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from scripts.dicom.decode.samples import _NATIVE, DECODERS

from .startup.posix_only import MODULES, OS

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCES = sorted((ROOT / "bundle" / "scripts").rglob("*.py"))
# Calls that only some systems have, and why each may stay.
ALLOWED = {
    ("dicom/decode/isolated_decoder.py", "resource"): "the limit of memory, where there is one",
    ("dicom/decode/decoder_pool.py", "register_at_fork"): "where there is a fork",
    ("dicom/decode/decoder_pool.py", "sched_getaffinity"): "where a process can ask for its processors",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory, data_dir):
    from ..conftest import TINY

    folder = tmp_path_factory.mktemp("portable")
    database = f"sqlite:///{folder}/mlruns.db"
    training = {
        "dataset_dir": str(data_dir), "output_dir": str(folder / "base"), "backbone": None, "architecture": TINY,
        "image_size": 32, "max_epochs": 1, "batch_size": 8, "precision": "auto", "tracking_uri": database,
    }  # fmt: skip
    settings = {"folder": str(folder), "training": training, "results": str(folder / "results.json")}
    (folder / "settings.json").write_text(json.dumps(settings))
    places = [HERE / "startup", ROOT / "bundle", ROOT]
    # Windows has USERNAME, and no other source of the name that MONAI asks for at import.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, places)), "USERNAME": "user"}
    program = [sys.executable, "-X", "warn_default_encoding", str(HERE / "program.py"), str(folder / "settings.json")]
    done = subprocess.run(program, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    print(done.stderr)
    return json.loads((folder / "results.json").read_text())


def test_every_file_is_imported(results):
    assert results["modules"] >= len(SOURCES) - 1


def test_every_transfer_syntax_is_read(results):
    assert set(results["syntaxes"]) >= {*DECODERS, *_NATIVE, "1.2.840.10008.1.2.5"}
    assert max(results["syntaxes"].values()) < 0.05


def test_the_missing_limit_of_memory_is_said_once(results):
    assert len(results["notes"]) == 1


def test_training_and_prediction_write_their_results(results):
    assert {"model", "checkpoint.pt", "run_report.json"} <= set(results["training"])
    kinds = ("attention", "attention_map", "enhanced", "findings", "regions")
    objects = [f"dicom/00000_film_ 1/{kind}.dcm" for kind in kinds]
    assert results["prediction"] == [*objects, "enhanced/00000_film_ 1.dcm"]


def test_watch_and_receive_work(results):
    assert results["pacs"]["stored"] >= 1 and results["pacs"]["received"] == 1


def names(tree):
    """Names that a file imports or reads as an attribute, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((name, node.lineno) for name in (node.module, *(alias.name for alias in node.names)))
        elif isinstance(node, ast.Attribute):
            yield node.attr, node.lineno


def test_calls_that_only_some_systems_have_are_listed():
    sought = {*MODULES, *OS, "register_at_fork", "setitimer", "SIGALRM", "SIGPROF", "send_fds", "MAP_PRIVATE", "getuid"}
    found = {
        (path.relative_to(ROOT / "bundle" / "scripts").as_posix(), name)
        for path in SOURCES
        for name, _ in names(ast.parse(path.read_text(encoding="utf-8")))
        if name in sought
    }
    assert found == set(ALLOWED)


def test_text_files_state_their_encoding():
    silent = [
        f"{path.name}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"read_text", "write_text"}
        and "encoding" not in {keyword.arg for keyword in node.keywords}
        and "encoding" not in ast.dump(node)
    ]
    assert silent == []
