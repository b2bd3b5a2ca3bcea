"""A data set's enhancement by a tiny network."""

import pytest
import torch
from scripts.data.datalist import load_datalist
from scripts.networks import ViTMultilabel
from scripts.super_resolution.enhance_dataset import DatasetEnhancer
from scripts.super_resolution.enhancers.bicubic import BicubicEnhancer
from scripts.super_resolution.region_enhancer import EnhanceSettings

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}


@pytest.fixture
def make(data_dir, tmp_path):
    torch.manual_seed(0)
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, labels=["Bright", "Dark"]).eval()

    def build(out="enhanced", **changes):
        settings = EnhanceSettings(count=2, window=8, working_size=None, **changes.pop("settings", {}))
        return DatasetEnhancer(
            datalist=load_datalist(data_dir / "datalist.json"),
            network=changes.pop("network", network),
            network_hash="0" * 64,
            enhancer=changes.pop("enhancer", BicubicEnhancer(2)),
            settings=settings,
            output_dir=tmp_path / out,
            batch_size=4,
            **changes,
        )

    return build


def finish(job):
    """Run an enhancement to its end, and return the bytes of its manifest."""
    job.run()
    job.complete()
    return (job.output_dir / "manifest.jsonl").read_bytes()
