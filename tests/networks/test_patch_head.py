import pytest
import torch
from scripts.networks import ViTMultilabel
from scripts.networks.blocks import blocks_of
from scripts.networks.patch_head import PatchHead, blocks_read

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}


def network(**settings):
    torch.manual_seed(0)
    return ViTMultilabel(architecture=TINY, num_labels=3, image_size=32, **settings)


def test_the_pool_is_between_the_mean_and_the_maximum_of_the_patches():
    head = PatchHead(8, 1, (2, 2))
    logits = torch.tensor([[[[0.0, 1.0], [2.0, 5.0]]]])
    with torch.no_grad():
        head.weight.fill_(1)
        pooled = [float(head.pool(logits)) for _ in (head.sharpness.fill_(0.3),)]
        head.sharpness.fill_(5)
        pooled.append(float(head.pool(logits)))
    mean, largest = 2 + 4, 5 + 4  # relative to the starting logit of -4
    assert mean < pooled[0] < pooled[1] < largest


def test_one_patch_with_a_finding_raises_the_logit_of_its_label_only():
    head = PatchHead(8, 2, (3, 3)).eval()
    logits = torch.full((1, 2, 3, 3), -4.0)
    before = head.pool(logits)
    logits[0, 1, 2, 0] = 6
    after = head.pool(logits)
    assert after[0, 0] == before[0, 0] and after[0, 1] > before[0, 1] + 0.5


@pytest.mark.parametrize("pool", ["cls", "cls_mean", "label_tokens"])
def test_a_new_head_hardly_changes_the_logits(pool):
    plain, with_head = network(pool=pool).eval(), network(pool=pool, patch_head=True).eval()
    missing, unexpected = with_head.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected and all(name.startswith("patch_head.") for name in missing)
    image = torch.rand(2, 1, 32, 32)
    assert torch.allclose(with_head(image), plain(image), atol=0.05)


def test_a_network_without_the_head_says_so():
    with pytest.raises(ValueError, match="expected patch_head true, found false"):
        network().patch_logits(torch.rand(1, 1, 32, 32))


def test_a_new_head_starts_where_the_training_films_show_a_label():
    head = PatchHead(8, 2, (2, 2))
    assert head.is_new
    head.start_at({1: torch.tensor([[0.0, 1.0], [0.2, 0.0]])})
    assert not head.is_new and (head.position[0] == -4).all()
    assert head.position[1].argmax() == 1 and head.position[1, 1, 0] > head.position[1, 1, 1]
    assert head.position.isfinite().all() and head.position.requires_grad


@pytest.mark.parametrize(
    ("depth", "blocks"), [(12, [6, 9, 12]), (24, [12, 18, 24]), (3, [2, 3]), (2, [1, 2]), (1, [1])]
)
def test_the_head_reads_the_blocks_at_half_three_quarters_and_the_end(depth, blocks):
    assert blocks_read(depth) == blocks


def test_the_head_reads_the_patches_of_these_blocks_in_order():
    torch.manual_seed(0)
    deep = ViTMultilabel(architecture=TINY | {"num_hidden_layers": 4}, num_labels=3, image_size=32, patch_head=True)
    outputs, read = [], []
    for block in blocks_of(deep.backbone):
        block.register_forward_hook(lambda _, __, output: outputs.append(output))
    deep.patch_head.register_forward_hook(lambda _, given, __: read.extend(given[0]))
    image = torch.rand(2, 1, 32, 32)
    deep(image)
    final = deep.encode(image).final
    for found, expected in zip(read, [outputs[1], outputs[2], final], strict=True):
        assert torch.equal(found, expected[:, 1:])
