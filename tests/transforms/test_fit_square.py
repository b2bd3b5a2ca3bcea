import torch
from monai.data import MetaTensor
from scripts.transforms import FitSquared


def test_geometry_is_recorded_beside_the_other_meta():
    item = {"image": MetaTensor(torch.rand(1, 90, 60), meta={"modality": "DX"}), "label": 1}
    found = FitSquared("image", 32)(item)
    assert found["image"].shape == (1, 32, 32) and found["label"] == 1
    assert found["image"].meta["geometry"] == [90, 60, 32] and found["image"].meta["modality"] == "DX"
    assert item["image"].shape == (1, 90, 60)
