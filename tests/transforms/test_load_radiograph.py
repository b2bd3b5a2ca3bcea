import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.transforms import Compose
from scripts.dicom import find_refusal, write_png16
from scripts.dicom.read.radiograph import _META_KEYS
from scripts.transforms.load_radiograph import LoadRadiographd

from ..dicom.synthetic import make_dataset, picture, save, window


def test_image_and_meta(tmp_path):
    path = save(make_dataset(picture(), **window()), tmp_path / "x.dcm")
    item = LoadRadiographd("image")({"image": str(path), "label": [1.0]})
    image = item["image"]
    assert isinstance(image, MetaTensor)
    assert (image.shape, image.dtype) == ((1, 96, 64), torch.float32)
    np.testing.assert_allclose(image[0].numpy(), picture() / 4095, atol=1e-7)
    assert set(image.meta) <= {*_META_KEYS, "affine", "space"}
    assert not any(secret in repr(image.meta) for secret in ("Secret", "ID-12345", str(tmp_path)))
    assert item["label"] == [1.0]


def test_batch_of_different_sources(tmp_path):
    write_png16(picture() / 4095, tmp_path / "x.png")
    save(make_dataset(picture(), **window()), tmp_path / "x.dcm")
    data = [{"image": str(tmp_path / name)} for name in ("x.png", "x.dcm")]
    batch = next(iter(DataLoader(Dataset(data, LoadRadiographd("image")), batch_size=2)))
    assert batch["image"].shape == (2, 1, 96, 64)


def test_missing_key(tmp_path):
    assert LoadRadiographd("image", allow_missing_keys=True)({"label": 1}) == {"label": 1}


def test_refusal_is_found_behind_the_error_of_compose(tmp_path):
    (tmp_path / "x.png").write_bytes(b"")
    with pytest.raises(RuntimeError) as error:
        Compose([LoadRadiographd("image")])({"image": str(tmp_path / "x.png")})
    assert find_refusal(error.value).code == "EMPTY"
    assert find_refusal(ValueError("another")) is None
