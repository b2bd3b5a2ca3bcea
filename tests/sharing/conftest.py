"""A hub in this process, an empty cache, and a model folder with labels and a provenance."""

import pytest
import torch
from huggingface_hub import constants
from scripts.networks import ViTMultilabel, save_vit_multilabel

from ..conftest import LABELS, TINY
from .fake_hub import TOKEN, FakeHub


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The hub that huggingface_hub uses, with a token of the account ``me``."""
    server = FakeHub()
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield server
    server.close()


@pytest.fixture
def model(tmp_path):
    """Model folder, untrained, whose provenance names a folder of its maker."""
    torch.manual_seed(0)
    network = ViTMultilabel(architecture=TINY, num_labels=len(LABELS), image_size=32)
    provenance = {"licence": "Apache-2.0", "data": "two <b>halves</b>", "backbone": "/home/ann/secret/start"}
    folder = tmp_path / "made" / "model"
    folder.parent.mkdir()
    save_vit_multilabel(network, folder, labels=LABELS, provenance=provenance)
    return folder
