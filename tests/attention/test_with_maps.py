import importlib.util

import pytest
import torch
from scipy.ndimage import gaussian_filter
from scripts.attention import WithMaps, make_attention

from .conftest import FAMILIES, make_network

METHODS = {"label_tokens": {"pool": "label_tokens"}, "patch_logits": {"pool": "cls_mean", "patch_head": True}}


@pytest.fixture(autouse=True)
def compiler():
    """Compiled code counts against a limit per function, whichever network it belongs to."""
    torch.compiler.reset()


def prepared(how, model, image):
    """The module, compiled or exported; a program for any size of a batch."""
    if how == "compile":
        return torch.compile(model, backend="eager", fullgraph=True)
    if how == "export":
        batch = torch.export.Dim("batch", min=1, max=64)
        return torch.export.export(model, (image,), dynamic_shapes=({0: batch},)).module()
    return torch.jit.trace(model, image)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("how", ["compile", "export", "trace"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", METHODS)
def test_a_compiled_or_exported_network_gives_logits_and_maps(method, family, how):
    network = make_network(family, conv_branch=True, **METHODS[method])
    run = prepared(how, WithMaps(network, method).eval(), torch.rand(2, 1, 48, 48))
    for count in (2, 1, 3):
        images = torch.rand(count, 1, 48, 48)
        expected = make_attention(method, network)(images)
        with torch.no_grad():
            logits, maps = run(images)
        assert torch.allclose(logits, expected.logits, atol=1e-5) and torch.allclose(maps, expected.maps, atol=1e-6)


@pytest.mark.parametrize(("method", "call"), [("label_tokens", "label_maps"), ("patch_logits", "patch_logits")])
def test_the_map_call_of_a_network_is_compiled_as_a_whole(method, call):
    network, images = make_network(**METHODS[method]), torch.rand(2, 1, 48, 48)
    compiled = torch.compile(getattr(network, call), backend="eager", fullgraph=True)
    with torch.no_grad():
        for found, expected in zip(compiled(images), getattr(network, call)(images), strict=True):
            assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_a_network_that_trains_its_maps_is_compiled_too(method):
    network, images = make_network(**METHODS[method]), torch.rand(2, 1, 48, 48)
    network.trains_maps = True
    logits, maps = torch.compile(network.train(), backend="eager", fullgraph=True)(images)
    assert logits.shape == (2, 2) and {name: tuple(one.shape) for name, one in maps.items()} == {method: (2, 2, 6, 6)}


def test_the_shares_of_a_patch_head_are_smoothed_by_a_24th_of_the_image(monkeypatch):
    network = make_network(**METHODS["patch_logits"])
    logits = torch.full((1, 2, 6, 6), -20.0)
    logits[0, 0, 2, 3] = logits[0, 1, 0, 0] = 20.0  # one patch inside, one in a corner
    monkeypatch.setattr(network, "patch_logits", lambda image: (torch.zeros(1, 2), logits))
    with torch.autocast("cpu", torch.bfloat16):  # the maps stay float32
        _, maps = WithMaps(network, "patch_logits")(torch.zeros(1, 1, 48, 48))
    shares = logits.flatten(2).softmax(dim=2).reshape(1, 2, 6, 6).numpy()
    oracle = gaussian_filter(shares, (0, 0, 6 / 24, 6 / 24), mode="constant", truncate=30)
    oracle /= oracle.sum(axis=(2, 3), keepdims=True)
    assert torch.allclose(maps, torch.from_numpy(oracle), atol=1e-6)
    assert torch.allclose(maps.sum(dim=(2, 3)), torch.ones(1, 2)) and maps.dtype == torch.float32


@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="openvino is not installed")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("method", METHODS)
def test_openvino_gives_logits_and_maps(method):
    from scripts.inference.openvino_classifier import import_openvino

    openvino, network = import_openvino(), make_network(**METHODS[method])
    with torch.no_grad():
        model = openvino.convert_model(
            WithMaps(network, method).eval(), example_input=torch.zeros(2, 1, 48, 48), input=[-1, 1, 48, 48]
        )
    run = openvino.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    for count in (1, 3):
        images = torch.rand(count, 1, 48, 48)
        expected, found = make_attention(method, network)(images), run(images.numpy())
        assert torch.allclose(torch.from_numpy(found[0]), expected.logits, atol=1e-5)
        assert torch.allclose(torch.from_numpy(found[1]), expected.maps, atol=1e-5)


def test_other_methods_are_refused_by_name():
    with pytest.raises(ValueError, match="expected one of label_tokens, patch_logits, found 'last_cls'"):
        WithMaps(make_network(), "last_cls")


@pytest.mark.parametrize("method", METHODS)
def test_a_network_without_these_maps_is_refused(method):
    with pytest.raises(ValueError, match=r"found (cls|false)"):
        WithMaps(make_network(), method)(torch.rand(1, 1, 48, 48))
