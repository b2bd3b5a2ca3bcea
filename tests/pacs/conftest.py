"""A PACS, studies in it, and a predictor of milliseconds."""

import pytest
from scripts.dicom import RefusedInput
from scripts.inference import Predictor
from scripts.pacs.dicomweb import DicomWeb
from scripts.pacs.journal import Journal
from scripts.pacs.outbox import Outbox
from scripts.pacs.relay import Relay
from scripts.pacs.session import Server
from scripts.workflow import CONFIG_DIR

from ..dicom.objects.conformant import cr
from ..inference.conftest import model_dir
from .fake_server import FakePacs, serve, url_of

__all__ = ["model_dir"]


def film(study, number=1, **attributes):
    """Film of a study; the one with the highest number is the latest."""
    dataset = cr()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.{study}", f"1.2.{study}.7"
    dataset.SOPInstanceUID, dataset.AcquisitionDate = f"1.2.{study}.7.{number}", f"2024010{number}"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def code_of(call, *arguments):
    """Code of the error that a call raises; its message names neither a patient nor the server."""
    with pytest.raises(RefusedInput) as refusal:
        call(*arguments)
    assert "Secret" not in str(refusal.value) and "127.0.0.1" not in str(refusal.value)
    return refusal.value.code


@pytest.fixture(scope="session")
def predictor(model_dir):
    return Predictor.from_bundle(CONFIG_DIR.parent, model_dir=model_dir, device="cpu", enhance=False)


@pytest.fixture
def fake():
    pacs = FakePacs()
    server = serve(pacs)
    pacs.url = url_of(server)
    yield pacs
    server.shutdown()
    server.server_close()


@pytest.fixture
def web(fake):
    return DicomWeb(Server(fake.url), attempts=3, wait_s=0.001)


@pytest.fixture
def relay(web, predictor, tmp_path):
    with Journal(tmp_path / "out") as journal:
        yield Relay(web, Outbox(tmp_path / "out", predictor), journal, interval_s=0.001)
