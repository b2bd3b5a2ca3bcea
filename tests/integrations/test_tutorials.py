"""The notebooks of the tutorials run, with fewer films, and keep what they showed."""

import re

import pytest

from .conftest import ROOT
from .docs_tools import load

nbformat = pytest.importorskip("nbformat", reason="no nbformat: pip install '.[docs]'")
pytest.importorskip("ipykernel", reason="no ipykernel: pip install '.[docs]'")
FOLDER = ROOT / "bundle" / "docs" / "tutorials"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def tools():
    return load("run_tutorials")


@pytest.mark.parametrize(
    ("name", "patients", "shown"),
    [
        ("from-films-to-report", 24, ["validation AUROC", "No verdict", "report.html"]),
        ("is-my-classifier-looking-at-the-right-place", 30, ["peak in the box: ", "than training_prior"]),
    ],
)
def test_notebook_runs(tools, name, patients, shown):
    notebook = tools.run_notebook(FOLDER / f"{name}.ipynb", {"patients": patients})
    text = tools._shown_text(notebook)
    for part in shown:
        assert part in text, text
    pictures = [one for cell in notebook.cells for one in cell.get("outputs", []) if "image/png" in one.get("data", {})]
    assert pictures


def test_parameter_that_does_not_exist_is_an_error(tools):
    with pytest.raises(ValueError, match="expected the parameter films in its first code cell, found: patients = "):
        tools.run_notebook(NOTEBOOKS[0], {"films": 3})


def test_output_with_a_path_of_the_machine_is_an_error(tools, tmp_path):
    cells = [nbformat.v4.new_code_cell("size = 1"), nbformat.v4.new_code_cell("import os; print(os.getcwd())")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "one.ipynb")
    with pytest.raises(ValueError, match=r"outputs hold paths of this machine; expected none, found .*/work"):
        tools.run_notebook(tmp_path / "one.ipynb")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs_are_complete_small_and_anonymous(tools, path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    text = tools._shown_text(notebook)
    assert text and not tools._MACHINE_PATH.search(text) and not re.search(r"PHANTOM\d{4}", text)
    assert all(output.output_type != "error" for cell in code for output in cell.outputs)
    assert path.stat().st_size < 1_000_000
