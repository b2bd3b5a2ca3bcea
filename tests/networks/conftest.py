"""Small networks saved in the real on-disk format of Hugging Face."""

import pytest
import torch

SMALL = {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "patch_size": 16, "image_size": 64}


def make(kind):
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(0)
    sizes = {"intermediate_size": 96} if kind == "vit" else {"mlp_ratio": 2}
    return AutoModel.from_config(AutoConfig.for_model(kind, **SMALL, **sizes)).eval()


@pytest.fixture(params=["vit", "dinov2", "dinov2_with_registers"])
def checkpoint(request, tmp_path):
    """Folder and model of each family."""
    model = make(request.param)
    model.save_pretrained(tmp_path / request.param)
    return tmp_path / request.param, model


@pytest.fixture
def vit_folder(tmp_path):
    make("vit").save_pretrained(tmp_path / "vit")
    return tmp_path / "vit"
