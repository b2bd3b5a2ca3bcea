import importlib.util
import json

import numpy as np
import pytest
import torch
from scripts.attention import default_method, make_attention
from scripts.calibration.calibration_file import Calibration, LabelCalibration, save_calibration
from scripts.dicom.png16 import write_png16
from scripts.networks import ViTMultilabel, ZoomViT, save_vit_multilabel, weights_sha256
from scripts.sharing import exporting
from scripts.sharing.exported_model import SUFFIXES, ExportedModel
from scripts.sharing.exporting import export_model

from ..conftest import LABELS, TINY

PACKAGES = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "openvino": ("openvino",), "torchscript": ()}


def needs(form):
    missing = [name for name in PACKAGES[form] if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not installed")


FORMATS = [pytest.param(form, marks=needs(form)) for form in SUFFIXES]


@pytest.fixture
def films(tmp_path):
    """Three films of different shapes."""
    folder = tmp_path / "films"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, shape in enumerate([(60, 40), (40, 60), (50, 50)]):
        write_png16(rng.uniform(size=shape), folder / f"{number}.png")
    return folder


def make_folder(path, **settings):
    torch.manual_seed(1)
    network = ViTMultilabel(architecture=TINY, num_labels=2, labels=LABELS, image_size=32, **settings)
    save_vit_multilabel(network, path, labels=LABELS, provenance={})
    return network.eval()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("patch_head", [False, True], ids=["one map", "a map per label"])
def test_an_exported_file_gives_the_logits_and_maps_of_the_network(tmp_path, films, form, patch_head):
    network = make_folder(tmp_path / "model", patch_head=patch_head)
    out = tmp_path / "out" / f"model{SUFFIXES[form]}"
    check = export_model(tmp_path / "model", out, form=form, films=[films])
    assert check.n_films == 3 and check.probability_error <= 1e-4
    model = ExportedModel(out)
    assert model.labels == LABELS and model.description["input"]["size"] == 32
    for count in (1, 5):  # any size of a batch
        images = torch.rand(count, 1, 32, 32)
        expected = make_attention(default_method(network), network)(images)
        logits, maps = model(images.numpy())
        assert np.allclose(logits, expected.logits.detach(), atol=1e-5)
        assert maps.shape == ((count, 2, 4, 4) if patch_head else (count, 4, 4))
        assert np.allclose(maps, expected.maps.detach(), atol=1e-5)
    with pytest.raises(ValueError, match=r"image: wrong shape; expected \(B, 1, 32, 32\), found \(1, 1, 64, 64\)"):
        model(np.zeros((1, 1, 64, 64), np.float32))
    assert sorted(path.suffix for path in out.parent.iterdir()) == sorted(
        {out.suffix, *([".bin"] * (form == "openvino"))}
    )


@needs("onnx")
def test_a_program_that_reads_onnx_refuses_another_size_by_the_name_of_the_input(tmp_path, films):
    import onnxruntime

    make_folder(tmp_path / "model")
    export_model(tmp_path / "model", tmp_path / "model.onnx", form="onnx", films=[films])
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    assert [session.get_inputs()[0].shape[0], *session.get_inputs()[0].shape[1:]] == ["batch", 1, 32, 32]
    with pytest.raises(Exception, match="invalid dimensions for input: image"):
        session.run(None, {"image": np.zeros((1, 1, 64, 64), np.float32)})


def test_the_description_has_what_a_reader_of_the_file_needs(tmp_path, films):
    make_folder(tmp_path / "model")
    rules = dict.fromkeys(LABELS, LabelCalibration(1.5, 0.1, 0.4, "platt"))
    save_calibration(Calibration(rules, weights_sha256(tmp_path / "model"), "youden", {}), tmp_path / "model")
    export_model(tmp_path / "model", tmp_path / "model.pt", form="torchscript", films=[films])
    found = ExportedModel(tmp_path / "model.pt").description
    assert found["calibration"]["labels"]["Left Bright"] == {"scale": 1.5, "offset": 0.1, "threshold": 0.4}
    assert found["attention_method"] == "last_cls" and "bone bright" in found["input"]["preparation"]
    assert found["model_sha256"] == weights_sha256(tmp_path / "model")
    assert json.loads(json.dumps(found)) == found


def test_a_file_that_differs_from_pytorch_is_not_written(tmp_path, films, monkeypatch):
    make_folder(tmp_path / "model")
    exact = exporting.ExportedModel.__call__

    def shifted(self, images):
        logits, maps = exact(self, images)
        return logits + 0.01, maps

    monkeypatch.setattr(exporting.ExportedModel, "__call__", shifted)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.pt").write_bytes(b"earlier")
    with pytest.raises(ValueError, match=r"model.pt: not written; expected the results of PyTorch"):
        export_model(tmp_path / "model", tmp_path / "out" / "model.pt", form="torchscript", films=[films])
    assert [path.read_bytes() for path in (tmp_path / "out").iterdir()] == [b"earlier"]


def test_without_films_phantoms_are_drawn_and_removed(tmp_path):
    make_folder(tmp_path / "model")
    check = export_model(tmp_path / "model", tmp_path / "out" / "model.pt", form="torchscript")
    assert check.n_films >= 3 and [path.name for path in (tmp_path / "out").iterdir()] == ["model.pt"]


def test_what_cannot_be_exported_is_refused_by_name(tmp_path, films):
    network = make_folder(tmp_path / "model")
    with pytest.raises(ValueError, match="--format: not known; expected one of onnx, torchscript, openvino"):
        export_model(tmp_path / "model", tmp_path / "model.pt", form="tflite")
    with pytest.raises(ValueError, match=r"model.pt: expected a name that ends with .onnx for onnx"):
        export_model(tmp_path / "model", tmp_path / "model.pt", form="onnx")
    ZoomViT(network, {"count": 1, "window": 16, "crop_size": 16}).save_pretrained(tmp_path / "zoom")
    with pytest.raises(ValueError, match=r"zoom: cannot be exported; .* a network that reads crops"):
        export_model(tmp_path / "zoom", tmp_path / "model.pt", form="torchscript", films=[films])


def test_a_file_of_another_program_is_refused_by_name(tmp_path):
    class Other(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return image

    torch.jit.save(torch.jit.script(Other()), str(tmp_path / "other.pt"))
    with pytest.raises(ValueError, match=r"other.pt: not a model that export wrote"):
        ExportedModel(tmp_path / "other.pt")
    (tmp_path / "damaged.pt").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"damaged.pt: not a model that export wrote"):
        ExportedModel(tmp_path / "damaged.pt")
    with pytest.raises(FileNotFoundError, match=r"none.pt: no such file"):
        ExportedModel(tmp_path / "none.pt")
