import importlib.util
import sys

import pytest
import torch
from scripts.attention import make_attention
from scripts.inference.classifier import Classifier
from scripts.inference.openvino_classifier import make_classifier
from scripts.networks import load_vit_multilabel
from scripts.networks.vit_multilabel import ViTMultilabel
from scripts.training import AutocastInferer

from ..conftest import TINY

HERE = importlib.util.find_spec("openvino") is not None
needs_openvino = pytest.mark.skipif(not HERE, reason="openvino (the extra of that name) is not installed")


def make(backend, network, method="last_cls", precision="fp32", device="cpu"):
    return make_classifier(backend, network, make_attention(method, network), AutocastInferer(precision), device)


@pytest.fixture
def network(model_dir):
    return load_vit_multilabel(model_dir)


@needs_openvino
@pytest.mark.parametrize(
    ("pool", "method"),
    [
        ("cls", "last_cls"),
        ("cls_mean", "last_cls"),
        ("label_tokens", "last_cls"),
        ("label_tokens", "label_tokens"),
        ("cls_mean", "patch_logits"),
        ("label_tokens", "patch_logits"),
    ],
)
def test_logits_maps_and_features_are_those_of_torch(pool, method):
    torch.manual_seed(0)
    settings = {"pool": pool, "label_blocks": 1, "patch_head": method == "patch_logits", "labels": ["A", "No Finding"]}
    network = ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, **settings).eval()
    network.located_labels = ["A"]
    compiled, plain = make("openvino", network, method), make("torch", network, method)
    for batch in (1, 3):  # any size, not that of the trace
        images = torch.rand(batch, 1, 32, 32)
        found, expected = compiled(images), plain(images)
        for name in ("logits", "features"):
            assert torch.allclose(getattr(found, name), getattr(expected, name), atol=1e-5), name
        for name in ("logits", "maps"):
            assert torch.allclose(getattr(found.explained, name), getattr(expected.explained, name), atol=1e-5), name
        assert found.explained.located == expected.explained.located == (["A"] if method == "patch_logits" else None)
    assert [row.explained.located for row in found.rows()] == [expected.explained.located] * 3


@needs_openvino
def test_results_of_a_batch_survive_the_next(network):
    compiled = make("openvino", network)
    first = compiled(torch.zeros(1, 1, 32, 32))
    before = first.logits.clone()
    compiled(torch.ones(1, 1, 32, 32))
    assert torch.equal(first.logits, before)


@needs_openvino
def test_the_network_is_left_without_hooks(network):
    make("openvino", network)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())


@needs_openvino
def test_nothing_is_reported_to_its_makers(network):
    make("openvino", network)
    assert sys.modules["openvino_telemetry"] is None


@needs_openvino
@pytest.mark.parametrize(
    ("settings", "message"),
    [({"method": "rollout"}, "no attention method rollout"), ({"device": "cuda"}, "runs on the CPU .* found cuda")],
)
def test_what_it_cannot_do_is_refused(network, settings, message):
    with pytest.raises(ValueError, match=message):
        make("openvino", network, **settings)


@pytest.mark.skipif(HERE, reason="openvino is installed")
def test_without_the_package_the_extra_is_named(network):
    with pytest.raises(ValueError, match="pip install openvino"):
        make("openvino", network)


def test_torch_is_the_plain_classifier_and_other_names_are_refused(network):
    assert type(make("torch", network)) is Classifier
    with pytest.raises(ValueError, match="expected one of torch, openvino, found 'onnx'"):
        make("onnx", network)
