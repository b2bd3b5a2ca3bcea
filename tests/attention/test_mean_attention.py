import pytest
import torch
from scripts.attention import default_method, make_attention
from scripts.networks import Ensemble, ViTMultilabel

from ..conftest import LABELS, TINY


def make(seed, **settings):
    torch.manual_seed(seed)
    return ViTMultilabel(architecture=TINY, num_labels=2, image_size=32, labels=LABELS, **settings).eval()


@pytest.mark.parametrize("method", ["last_cls", "grad_attention", "patch_logits", "label_tokens"])
@pytest.mark.parametrize("clean", [False, True], ids=["plain", "cleaned"])
def test_the_map_is_the_mean_of_maps_of_sum_one(method, clean):
    settings = {"pool": "label_tokens"} if method == "label_tokens" else {"patch_head": method == "patch_logits"}
    members = [make(seed, **settings) for seed in (0, 1)]
    ensemble, images = Ensemble(members, shift=0.1), torch.rand(2, 1, 32, 32)
    options = {"suppress_artifacts": clean, "mask_body": clean}
    attention = make_attention(method, ensemble, **options)
    output = attention(images)
    own = [make_attention(method, member, **options)(images).maps for member in members]
    expected = sum(maps / maps.sum(dim=(-2, -1), keepdim=True) for maps in own) / 2
    torch.testing.assert_close(output.maps, expected)
    with torch.no_grad():
        torch.testing.assert_close(output.logits, ensemble(images))  # with the moved views
    alone = make_attention(method, members[0], **options)
    assert (attention.name, attention.per_label) == (alone.name, alone.per_label)


def test_the_default_method_is_that_of_the_members():
    assert default_method(Ensemble([make(0), make(1)])) == "last_cls"
    assert default_method(Ensemble([make(0, patch_head=True), make(1, patch_head=True)])) == "patch_logits"


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (([LABELS[0]], [LABELS[1]]), LABELS[:2]),
        (([LABELS[1]], []), [LABELS[1]]),
        (([], []), []),
        (([LABELS[0]], None), None),
    ],
)
def test_a_place_that_one_member_has_learnt_is_known(records, expected):
    members = [make(seed, patch_head=True) for seed in (0, 1)]
    for member, record in zip(members, records, strict=True):
        member.located_labels = record
    located = make_attention("patch_logits", Ensemble(members))(torch.rand(1, 1, 32, 32)).located
    assert located == (expected if expected is None else list(expected))
