"""A classifier of a few thousand weights, as a model folder."""

from pathlib import Path

import pytest
import torch
from scripts.networks.model_folder import save_vit_multilabel
from scripts.networks.vit_multilabel import ViTMultilabel

from ..conftest import LABELS, TINY


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained, but the same at every call."""
    folder = tmp_path_factory.mktemp("tiny") / "model"
    torch.manual_seed(0)
    network = ViTMultilabel(architecture=TINY, num_labels=len(LABELS), image_size=32)
    save_vit_multilabel(network, folder, labels=LABELS, provenance={})
    return folder
