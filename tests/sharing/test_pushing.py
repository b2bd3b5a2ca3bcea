import json

import numpy as np
import pytest
import torch
import yaml
from scripts.calibration.calibration_file import Calibration, LabelCalibration, load_calibration, save_calibration
from scripts.cli import app
from scripts.evaluation import write_evaluation
from scripts.networks import ViTMultilabel, ZoomViT, load_vit_multilabel, weights_sha256
from scripts.sharing.pushing import prepare_publication, publish
from typer.testing import CliRunner

from ..conftest import LABELS


@pytest.fixture
def calibrated(model):
    rules = LabelCalibration(1.5, 0.1, 0.4, "platt", "", 30, 70)
    save_calibration(
        Calibration(dict.fromkeys(LABELS, rules), weights_sha256(model), "youden", {"n_images": 100}), model
    )
    return model


def front_matter(card):
    return yaml.safe_load(card.decode().split("---")[1])


def test_what_was_pushed_is_loaded_again(hub, calibrated):
    (calibrated / "notes.txt").write_text("private")
    assert publish(prepare_publication(calibrated, "me/chest")).startswith(f"{hub.url}/me/chest/commit/")
    names = ["README.md", "config.json", "metadata.json", "model.safetensors", "thresholds.json"]
    assert sorted(hub.repos["me/chest"][-1]) == names
    image = torch.rand(2, 1, 32, 32)
    network = ViTMultilabel.from_pretrained(f"me/chest@{hub.sha('me/chest', 1)}", LABELS)
    with torch.no_grad():
        assert torch.equal(network(image), load_vit_multilabel(calibrated)(image))


def test_the_pushed_model_keeps_its_thresholds(hub, calibrated, tmp_path):
    from scripts.networks import find_model_folder

    publish(prepare_publication(calibrated, "me/chest"))
    assert load_calibration(find_model_folder("me/chest")).thresholds == dict.fromkeys(LABELS, 0.4)


def test_paths_of_the_maker_are_not_published(model):
    content = prepare_publication(model, "me/chest").files["metadata.json"]
    assert b"/home/ann" not in content and json.loads(content)["provenance"]["backbone"] == "start"


def test_the_card_states_labels_data_licence_and_metrics(calibrated, tmp_path):
    targets = np.array([[0, 1], [1, 0], [0, 1], [1, 0]], dtype=float)
    items = [{"image": f"{n}.png", "patient_id": str(n)} for n in range(4)]
    logits = np.array([[-1, 2], [1, -1], [2, 0.5], [3, -2]])
    model_hash = weights_sha256(calibrated)
    write_evaluation(tmp_path / "out", LABELS, items, logits, targets, bootstrap=0, model_hash=model_hash)
    card = prepare_publication(calibrated, "me/chest", evaluation=tmp_path / "out").files["README.md"]
    front = front_matter(card)
    assert front["labels"] == LABELS and front["license"] == "apache-2.0"
    assert front["training_data"] == "two <b>halves</b>"
    (metric,) = front["model-index"][0]["results"][0]["metrics"]
    assert metric["type"] == "roc_auc" and metric["value"] == pytest.approx(0.875)
    text = card.decode()
    assert "two &lt;b&gt;halves&lt;/b&gt;" in text and "<b>" not in text.split("---")[2]
    assert "| Left Bright | 0.750 |" in text and "| 0.400 |" in text


def test_an_evaluation_of_another_model_is_not_shown(model, tmp_path):
    items = [{"image": "0.png", "patient_id": "0"}, {"image": "1.png", "patient_id": "1"}]
    write_evaluation(tmp_path / "out", LABELS, items, np.zeros((2, 2)), np.eye(2), bootstrap=0, model_hash="other")
    with pytest.raises(ValueError, match="evaluation of another model"):
        prepare_publication(model, "me/chest", evaluation=tmp_path / "out")


def test_a_second_push_removes_what_the_model_no_longer_has(hub, calibrated):
    publish(prepare_publication(calibrated, "me/chest"))
    hub.repos["me/chest"][-1]["examples.md"] = b"by hand"
    (calibrated / "thresholds.json").unlink()
    publish(prepare_publication(calibrated, "me/chest"))
    assert "thresholds.json" not in hub.repos["me/chest"][-1] and "examples.md" in hub.repos["me/chest"][-1]


@pytest.mark.parametrize(
    ("repo", "licence", "message"),
    [
        ("chest", None, r"^push: not the name of a repository; expected owner/name, found 'chest'"),
        ("me/chest@v1", None, r"^push: not the name of a repository"),
        ("me/chest", "my own, see below", r"licence of the model: expected an identifier .* set --license"),
    ],
)
def test_a_wrong_name_or_licence_is_refused(model, repo, licence, message):
    with pytest.raises(ValueError, match=message):
        prepare_publication(model, repo, licence=licence)


def test_a_model_that_cannot_be_loaded_is_not_published(calibrated):
    content = (calibrated / "model.safetensors").read_bytes()
    (calibrated / "model.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"thresholds.json: made for other weights"):
        prepare_publication(calibrated, "me/chest")
    (calibrated / "model.safetensors").write_bytes(content[:100])
    with pytest.raises(ValueError, match=r"model.safetensors: cannot be read"):
        prepare_publication(calibrated, "me/chest")


def test_without_permission_nothing_is_published(hub, model, monkeypatch):
    with pytest.raises(PermissionError, match=r"^push: you/chest: no permission; .*status 403"):
        publish(prepare_publication(model, "you/chest"))
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(PermissionError, match=r"^push: me/chest: no permission; .*hf auth login"):
        publish(prepare_publication(model, "me/chest"))
    assert not hub.repos


@pytest.mark.parametrize(
    ("answer", "published"), [("y\n", True), ("n\n", False), ("", False)], ids=["yes", "no", "no answer"]
)
def test_the_command_asks_before_it_publishes(hub, model, answer, published):
    done = CliRunner().invoke(app, ["push", str(model), "me/chest"], input=answer)
    assert "model.safetensors" in done.output and "for everybody?" in done.output, done.output
    assert (done.exit_code == 0) == published == ("me/chest" in hub.repos)


def test_a_network_saves_and_loads_itself(model, tmp_path):
    network = ViTMultilabel.from_pretrained(model)
    network.save_pretrained(tmp_path / "copy", provenance={"licence": "mit"})
    assert weights_sha256(tmp_path / "copy") == weights_sha256(model)
    with pytest.raises(ValueError, match="does not read crops"):
        ZoomViT.from_pretrained(model)
    zoom = ZoomViT(network, {"count": 1, "window": 16, "crop_size": 16})
    zoom.save_pretrained(tmp_path / "zoom")
    assert isinstance(ZoomViT.from_pretrained(tmp_path / "zoom"), ZoomViT)
    with pytest.raises(ValueError, match="the network reads crops"):
        ViTMultilabel.from_pretrained(tmp_path / "zoom")
