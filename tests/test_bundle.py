"""What MONAI's own tools ask of a bundle: properties, metadata, network input and output."""

import json

import pytest
from monai.bundle import ConfigWorkflow, verify_metadata, verify_net_in_out
from scripts.networks import ViTMultilabel, save_vit_multilabel
from scripts.workflow import BUNDLE_ROOT, CONFIG_DIR

from .conftest import LABELS, TINY

TENSOR = ["type", "format", "num_channels", "spatial_shape", "dtype", "value_range"]
FORMAT = {
    "type": "object",
    "required": ["inputs", "outputs"],
    "additionalProperties": {"additionalProperties": {"type": "object", "required": TENSOR}},
}
# What the published meta_schema_20240725.json requires, in our own words: tests run without a network.
SCHEMA = {
    "type": "object",
    "required": "schema version monai_version pytorch_version numpy_version required_packages_version task description "
    "authors copyright network_data_format".split(),
    "properties": {"version": {"type": "string"}, "changelog": {"type": "object"}, "network_data_format": FORMAT},
}


@pytest.fixture
def schema(tmp_path):
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA))
    return str(path)


def test_metadata_is_valid(schema):
    verify_metadata(meta_file=str(CONFIG_DIR / "metadata.json"), filepath=schema)


def test_metadata_without_a_required_entry_is_invalid(schema, tmp_path):
    metadata = json.loads((CONFIG_DIR / "metadata.json").read_text())
    del metadata["network_data_format"]["outputs"]["pred"]["num_channels"]
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match="num_channels"):
        verify_metadata(meta_file=str(tmp_path / "metadata.json"), filepath=schema)


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (["train"], "train"),
        (["train", "retrain"], "train"),
        (["train", "zoom"], "train"),
        (["train", "evaluate"], "train"),
        (["inference"], "infer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value),
)
def test_workflow_has_the_properties_that_monai_expects(tiny, tmp_path, files, kind):
    model = tmp_path / "model"
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32)
    save_vit_multilabel(network, model, labels=LABELS, provenance={})
    overrides = tiny if kind == "train" else {"dataset_dir": tiny["dataset_dir"], "output_dir": str(tmp_path / "out")}
    if "evaluate" in files or kind == "infer":
        overrides = {**overrides, "model_dir": str(model)}
    if "zoom" in files:
        overrides = {**overrides, "backbone": str(model)}
    workflow = ConfigWorkflow(
        [str(CONFIG_DIR / f"{name}.yaml") for name in files],
        meta_file=str(CONFIG_DIR / "metadata.json"),
        workflow_type=kind,
        bundle_root=str(BUNDLE_ROOT),
        **overrides,
    )
    workflow.initialize()
    assert workflow.check_properties() == []


def test_network_that_ships_takes_and_gives_what_the_metadata_say():
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(CONFIG_DIR / "metadata.json"),
        config_file=str(CONFIG_DIR / "inference.yaml"),
        device="cpu",
        bundle_root=str(BUNDLE_ROOT),
    )
