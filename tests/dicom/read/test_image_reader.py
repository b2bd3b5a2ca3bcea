import numpy as np
import pytest
from monai.transforms import LoadImage, LoadImaged
from scripts.dicom import find_refusal, read_radiograph
from scripts.dicom.read.image_reader import RadiographReader

from ..synthetic import make_dataset, picture, save, window


def test_load_imaged_gives_what_read_radiograph_gives(tmp_path):
    path = save(make_dataset(picture(), PhotometricInterpretation="MONOCHROME1", **window()), tmp_path / "x.dcm")
    radiograph = read_radiograph(path)
    for options in ({}, {"ensure_channel_first": True}):
        image = LoadImaged("image", reader=RadiographReader, **options)({"image": str(path)})["image"]
        np.testing.assert_array_equal(image.numpy(), radiograph.image)
        assert image.meta["view"] == "PA"
        assert "Secret" not in repr(image.meta)


def test_what_must_be_refused_reaches_no_other_reader(tmp_path):
    processing = save(make_dataset(picture(), PresentationIntentType="FOR PROCESSING"), tmp_path / "x.dcm")
    assert LoadImage(reader="PydicomReader")(processing).shape == (64, 96)  # they would read it
    assert LoadImage()(processing) is not None
    with pytest.raises(ValueError, match="FOR PROCESSING") as error:
        LoadImaged("image", reader=RadiographReader)({"image": str(processing)})
    assert find_refusal(error.value).code == "FOR_PROCESSING"


def test_several_files_are_not_stacked(tmp_path):
    paths = [save(make_dataset(picture(), **window()), tmp_path / name) for name in ("a.dcm", "b.dcm")]
    with pytest.raises(ValueError, match="several files") as error:
        LoadImage(reader=RadiographReader)(paths)
    assert find_refusal(error.value).code == "SEVERAL_FILES"


def test_window(tmp_path):
    path = save(make_dataset(picture(), WindowCenter=[2048, 900], WindowWidth=[4096, 100]), tmp_path / "x.dcm")
    image = LoadImage(reader=RadiographReader(window=1))(path)
    np.testing.assert_array_equal(image.numpy(), read_radiograph(path, window=1).image)
