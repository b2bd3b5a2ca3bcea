import numpy as np
import torch
from monai.bundle import ConfigParser
from scripts.dicom import write_png16
from scripts.inference import FilmPreprocessing
from scripts.workflow import CONFIG_DIR


def test_training_and_inference_prepare_images_alike(tmp_path):
    write_png16(np.random.default_rng(0).random((60, 90)), tmp_path / "film.png")
    parser = ConfigParser()
    parser.read_config(str(CONFIG_DIR / "train.yaml"))
    parser["image_size"] = 32
    item = {"image": str(tmp_path / "film.png")}
    trained = parser.get_parsed_content("train::preprocessing")(item)["image"]
    found = FilmPreprocessing(32)(item)
    assert torch.equal(found["image"], trained.as_tensor())
    assert found["source"].shape == (1, 60, 90) and found["meta"]["bits_stored"] == 16
