"""Runs the notebooks of the tutorials and stores their outputs in them.

    make tutorials        # bundle/docs/tutorials/*.ipynb

Each notebook runs in an empty folder with the package of this tree. Its first code cell holds its parameters.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

_ROOT = Path(__file__).parents[2]
_TUTORIALS = _ROOT / "bundle" / "docs" / "tutorials"
_MACHINE_PATH = re.compile(
    r"(?:^|[\s'\"(=])(/(?:home|root|tmp|work|Users|usr|opt|private|var)/[^\s'\"]*)", re.MULTILINE
)


def run_notebook(path: Path, parameters: Mapping[str, int] | None = None) -> nbformat.NotebookNode:
    """Run a notebook.

    Args:
        path: the notebook, which is not changed.
        parameters: values for parameters of its first code cell.

    Returns:
        The notebook with its outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
        ValueError: there is no such parameter, or an output holds a path of this machine.
    """
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    kept = first.source
    for name, value in (parameters or {}).items():
        first.source, count = re.subn(rf"^{name} = \d+", f"{name} = {value}", first.source, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"{path.name}: expected the parameter {name} in its first code cell, found: {kept}")
    with TemporaryDirectory() as folder:
        site, work = Path(folder) / "site", Path(folder) / "work"
        site.mkdir()
        work.mkdir()
        (site / "cxr_attention_sr").symlink_to(_ROOT / "bundle")
        # Sockets in this private folder: other users of the computer can read what goes over TCP.
        sockets = Config(KernelManager={"transport": "ipc", "ip": str(Path(folder) / "kernel")})
        resources = {"metadata": {"path": str(work)}}
        client = NotebookClient(notebook, timeout=None, record_timing=False, resources=resources, config=sockets)
        client.execute(env={**os.environ, "PYTHONPATH": str(site)})
    first.source = kept
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        cell.outputs = [output for output in cell.outputs if not _asks_for_widgets(output)]
    paths = _MACHINE_PATH.findall(_shown_text(notebook))
    if paths:
        raise ValueError(f"{path.name}: outputs hold paths of this machine; expected none, found {paths}; show less")
    return notebook


def _asks_for_widgets(output: nbformat.NotebookNode) -> bool:
    """Whether an output is the line with which tqdm asks for ipywidgets, which is not installed here."""
    return bool(output.get("name") == "stderr" and output.text.startswith("IProgress not found"))


def _shown_text(notebook: nbformat.NotebookNode) -> str:
    """All text of the outputs."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = [output.get("text", "") for output in outputs]
    texts += [value for output in outputs for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
    return "\n".join(texts)


def main() -> None:
    """Run all tutorials, or those that are named, and store their outputs."""
    parser = argparse.ArgumentParser(description="Run the tutorials and store their outputs.")
    names = sorted(path.stem for path in _TUTORIALS.glob("*.ipynb"))
    parser.add_argument("names", nargs="*", choices=[[], *names], metavar="NAME", help=", ".join(names))
    for name in parser.parse_args().names or names:
        path, started = _TUTORIALS / f"{name}.ipynb", time.monotonic()
        try:
            notebook = run_notebook(path)
        except ValueError as error:
            sys.exit(f"error: {error}")
        nbformat.write(notebook, path)
        print(f"{path}: {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
