import copy
import json

import pytest
from scripts.networks import ViTMultilabel, load_vit_multilabel, save_vit_multilabel
from scripts.networks.model_metadata import labels_of, read_model_metadata

from .test_loading import LABELS, TINY


@pytest.fixture
def folder(tmp_path):
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32)
    save_vit_multilabel(network, tmp_path / "model", labels=LABELS, provenance={})
    return tmp_path / "model"


def test_what_training_wrote_is_read(folder):
    metadata = read_model_metadata(folder)
    assert labels_of(metadata) == LABELS and metadata["preprocessing"]["image_size"] == 32


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("image_size", "$__import__('os').getcwd()"),
        ("image_size", 10**9),
        ("image_size", 32.0),
        ("image_size", True),
        ("pool", {"_target_": "os.getcwd"}),
        ("pool", "%other.json::k"),
        ("label_blocks", -1),
        ("conv_branch", "yes"),
        ("patch_head", 1),
        ("located_labels", "A"),
        ("located_labels", [1]),
        ("located_labels", ["$1"]),
        ("located_labels", [LABELS[0], LABELS[0]]),
        ("mean", "0.5"),
        ("mean", [[0.5]]),
        ("zoom", {"count": 10**9}),
        ("zoom", {"window": "$1"}),
        ("zoom", []),
    ],
)
def test_a_setting_of_another_type_or_size_is_named(folder, key, value):
    metadata = copy.deepcopy(read_model_metadata(folder))
    metadata["preprocessing"][key] = value
    (folder / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=r"metadata\.json: (preprocessing\.|not the metadata)"):
        load_vit_multilabel(folder)


@pytest.mark.parametrize(
    "labels", [{}, {"0": "A", "1": "A"}, {"0": 1, "1": 2}, {"0": "A" * 300}, {"0": "A\nB"}, ["A", "B"], None]
)
def test_labels_that_are_none_are_named(folder, labels):
    metadata = json.loads((folder / "metadata.json").read_text())
    metadata["network_data_format"]["outputs"]["pred"]["channel_def"] = labels
    (folder / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=r"labels: |not the metadata"):
        read_model_metadata(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "null"])
def test_a_file_that_is_no_metadata_is_named(folder, text):
    (folder / "metadata.json").write_text(text)
    with pytest.raises(ValueError, match=r"metadata\.json: (not|cannot be read).*expected JSON with the labels"):
        read_model_metadata(folder)


def test_located_labels_are_saved_under_the_names_of_the_folder(tmp_path):
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, labels=LABELS, patch_head=True)
    network.located_labels = [LABELS[1]]
    save_vit_multilabel(network, tmp_path / "model", labels=["First", "Second"], provenance={})
    assert load_vit_multilabel(tmp_path / "model").located_labels == ["Second"]


def test_a_folder_without_the_record_does_not_know_its_located_labels(folder):
    assert load_vit_multilabel(folder).located_labels is None
