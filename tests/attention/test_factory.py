import pytest
import torch
from scripts.attention import METHODS, attention_maps, make_attention
from scripts.attention.factory import CleanedAttention
from scripts.inference.classifier import Classifier
from scripts.training import AutocastInferer

from .conftest import make_network


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("cleaned", [False, True])
def test_every_method_gives_logits_and_maps(method, cleaned):
    pool = "label_tokens" if method == "label_tokens" else "cls_mean"
    network = make_network(pool=pool, patch_head=method == "patch_logits")
    images = torch.rand(2, 1, 48, 48)
    attention = make_attention(method, network, suppress_artifacts=cleaned, mask_body=cleaned)
    output = attention(images)
    assert torch.allclose(output.logits, network(images), atol=1e-5)
    assert output.maps.shape == ((2, 2, 6, 6) if attention.per_label else (2, 6, 6))
    assert torch.isfinite(output.maps).all() and (output.maps >= 0).all() and not output.maps.requires_grad
    assert output.region_maps(network.labels).shape == (2, 6, 6)


@pytest.mark.parametrize(
    ("method", "cleaned", "passes"),
    [
        ("last_cls", False, 1),
        ("label_tokens", False, 1),
        ("patch_logits", False, 1),
        ("label_tokens", True, 2),  # the norms of the tokens, see ``suppress_artifacts``
        ("patch_logits", True, 2),
    ],
)
def test_a_classified_film_passes_the_network_once(method, cleaned, passes):
    network, count = make_network(pool="label_tokens", patch_head=True), []
    network.backbone.embeddings.register_forward_hook(lambda *_: count.append(1))
    attention = make_attention(method, network, suppress_artifacts=cleaned)
    Classifier(network, attention, AutocastInferer(), "cpu")(torch.rand(3, 1, 48, 48))
    assert len(count) == passes


@pytest.mark.parametrize("method", ["label_tokens", "patch_logits"])
def test_constant_maps_choose_regions_without_an_error(method):
    # 24 patches a side, as in the shipped network, whose maps are smoothed over more than one patch.
    network = make_network(pool="label_tokens", patch_head=True, image_size=192)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "q_proj" in name or name.startswith("patch_head.output"):
                parameter.zero_()  # every label looks everywhere, and every patch is alike
    output = make_attention(method, network)(torch.full((2, 1, 192, 192), 0.5))
    assert output.maps.std(dim=(2, 3)).max() < 1e-6
    region_maps = output.region_maps(network.labels)
    assert torch.isfinite(region_maps).all() and region_maps.std(dim=(1, 2)).max() < 1e-6


def test_the_default_is_the_attention_of_before(network):
    images = torch.rand(2, 1, 48, 48)
    logits, maps = attention_maps(network, images)
    output = make_attention("last_cls", network)(images)
    assert torch.equal(output.logits, logits) and torch.equal(output.region_maps(), maps)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match=r"expected one of last_cls, .*found 'gradcam'"):
        make_attention("gradcam", make_network())


def test_label_tokens_need_a_network_that_has_them():
    with pytest.raises(ValueError, match="found cls; set attention_method to grad_attention, or train"):
        make_attention("label_tokens", make_network())


def test_patch_logits_need_a_network_that_has_them():
    with pytest.raises(ValueError, match="expected patch_head true, found false; set attention_method"):
        make_attention("patch_logits", make_network())


def test_cleaning_takes_artifacts_and_air_out_of_a_map():
    network = make_network()
    with torch.no_grad():  # an outlying patch token: the position embedding of patch 14
        network.backbone.embeddings.position_embeddings[0, 1 + 14] = 60 * torch.randn(32)
    image = torch.full((1, 1, 48, 48), 0.7) + 0.1 * torch.rand(1, 1, 48, 48)
    image[..., :8] = 0
    plain = make_attention("last_cls", network)
    attention = CleanedAttention(plain, network, suppress_artifacts=True, mask_body=True)
    before, after = plain(image).maps[0], attention(image).maps[0]
    artifacts = attention.artifacts(image)[0]
    assert artifacts[2, 2] and artifacts.sum() < 10
    assert (after[:, 0] == 0).all() and (before[:, 0] > 0).all()
    kept = ~artifacts
    kept[:, 0] = False
    assert torch.equal(after[kept], before[kept]) and after[2, 2] != before[2, 2]
    assert attention.name != plain.name  # a cleaned map is another setting


def test_a_layer_is_chosen_by_its_number_and_named_in_the_method():
    network, image = make_network("vit"), torch.rand(1, 1, 48, 48)
    first = make_attention("last_cls", network, layer=1)
    assert first.name == "last_cls, layer 1"
    assert torch.equal(
        make_attention("last_cls", network, layer=3)(image).maps, make_attention("last_cls", network)(image).maps
    )
    assert not torch.equal(first(image).maps, make_attention("last_cls", network)(image).maps)
    with pytest.raises(ValueError, match="attention_layer: expected 1 to 3, found 4"):
        make_attention("last_cls", network, layer=4)
    with pytest.raises(ValueError, match="attention_layer: only the method last_cls"):
        make_attention("rollout", network, layer=1)
