"""Films that every integration predicts, and what ``Predictor`` itself says about them."""

import json
import shutil
from pathlib import Path

import pytest
from scripts.inference.predictor import Predictor
from scripts.phantom import write_phantom_studies
from scripts.workflow import BUNDLE_ROOT

from .label_server import label_server

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """A flat folder with eight DICOM films, each of another patient, and a broken PNG."""
    drawn, folder = tmp_path_factory.mktemp("drawn"), tmp_path_factory.mktemp("films")
    write_phantom_studies(drawn, n_patients=8, size=256)
    for number, film in enumerate(sorted(drawn.glob("patient*/study01/image.dcm")), start=1):
        (folder / f"film{number}.dcm").write_bytes(film.read_bytes())
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    return folder


@pytest.fixture(scope="session")
def expected(films):
    """Name without suffix -> ``StudyPrediction`` of two films, and of the others without enhancement."""
    full, quick = (Predictor.from_bundle(BUNDLE_ROOT, device="cpu", enhance=value) for value in (True, False))
    paths = sorted(films.glob("*.dcm"))
    return {Path(found.name).stem: found for found in full.predict(paths[:2]) + quick.predict(paths[2:])}


def environment(name):
    """Interpreter of an integration's environment; skip without it."""
    python = ROOT / f".venv-{name}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no .venv-{name}: made by `make {name}`")
    return python


@pytest.fixture(scope="session")
def attacked(films, tmp_path_factory):
    """A server to attack, with findings that it could train on, and its working folder: what it wrote shows there."""
    environment("label")
    folder = tmp_path_factory.mktemp("attacked")
    studies = shutil.copytree(films, folder / "films")
    objects = {
        film.stem: {"image": {"ext": ".dcm", "info": {"findings": {"Edema": number % 2}}}}
        for number, film in enumerate(sorted(films.glob("*.dcm")))
    }
    store = {"name": "films", "description": "films", "images_dir": ".", "labels_dir": "labels", "objects": objects}
    (studies / "datastore_v2.json").write_text(json.dumps(store))
    with label_server(folder, str(studies), MONAI_LABEL_DATASTORE_FILE_EXT='["*.dcm","*.png"]') as running:
        yield running, folder
