import pytest
import torch
from scripts.networks import ViTMultilabel
from scripts.training.precision import AutocastInferer, resolve_precision

from ..conftest import TINY


def test_named_precision_is_kept():
    assert resolve_precision("fp32", "cpu") == "fp32"


def test_auto_on_cpu_is_bf16_only_where_the_processor_has_it(monkeypatch):
    monkeypatch.setattr("scripts.training.precision._cpu_has_bf16", lambda: True)
    assert resolve_precision("auto", "cpu") == "bf16"
    monkeypatch.setattr("scripts.training.precision._cpu_has_bf16", lambda: False)
    assert resolve_precision("auto", "cpu") == "fp32"


@pytest.mark.parametrize(
    ("precision", "message"),
    [("fp16", "--precision auto"), ("half", "expected one of auto, fp32, bf16, fp16, found 'half'")],
)
def test_unusable_precision_is_rejected(precision, message):
    with pytest.raises(ValueError, match=message):
        resolve_precision(precision, "cpu")


def test_logits_are_float32_under_autocast():
    seen = []
    network = torch.nn.Linear(4, 2)
    network.register_forward_hook(lambda *arguments: seen.append(arguments[2].dtype))
    logits = AutocastInferer("bf16")(torch.rand(3, 4), network)
    assert seen == [torch.bfloat16] and logits.dtype == torch.float32


@pytest.mark.parametrize("settings", [{"pool": "label_tokens"}, {"patch_head": True}], ids=str)
def test_logits_and_trained_maps_are_float32_under_autocast(settings):
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, **settings).train()
    network.trains_maps = True
    logits, maps = AutocastInferer("bf16")(torch.rand(3, 1, 32, 32), network)
    assert {logits.dtype, *(one.dtype for one in maps.values())} == {torch.float32}
