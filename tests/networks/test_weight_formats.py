"""timm is not a dependency: its Vision Transformer is written here as timm/models/vision_transformer.py computes it."""

import json

import pytest
import torch
from safetensors.torch import save_file
from scripts.networks import ViTMultilabel, load_vit_multilabel, save_vit_multilabel
from scripts.networks.pretrained import load_backbone
from scripts.networks.weight_formats import format_of
from torch.nn.functional import conv2d, gelu, layer_norm, linear, scaled_dot_product_attention

from .conftest import make

WIDTH, DEPTH, HEADS, PATCH = 48, 3, 4, 16
HALF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}


def timm_weights(registers=0, layer_scale=False, class_position=True):
    generator = torch.Generator().manual_seed(0)
    shapes = {"cls_token": (1, 1, WIDTH), "pos_embed": (1, 16 + class_position, WIDTH)}
    shapes |= {"patch_embed.proj.weight": (WIDTH, 3, PATCH, PATCH), "patch_embed.proj.bias": (WIDTH,)}
    if registers:
        shapes["reg_token"] = (1, registers, WIDTH)
    linears = {"attn.qkv": (3 * WIDTH, WIDTH), "attn.proj": (WIDTH, WIDTH)}
    linears |= {"mlp.fc1": (2 * WIDTH, WIDTH), "mlp.fc2": (WIDTH, 2 * WIDTH)}
    for block in (f"blocks.{index}." for index in range(DEPTH)):
        for name, shape in linears.items():
            shapes |= {f"{block}{name}.weight": shape, f"{block}{name}.bias": shape[:1]}
        vectors = ["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"]
        vectors += ["ls1.gamma", "ls2.gamma"] if layer_scale else []
        shapes |= {block + name: (WIDTH,) for name in vectors}
    shapes |= {"norm.weight": (WIDTH,), "norm.bias": (WIDTH,), "head.weight": (7, WIDTH), "head.bias": (7,)}
    return {key: torch.randn(shape, generator=generator) * 0.2 for key, shape in shapes.items()}


def timm_forward(state, image):
    """Tokens (B, N, D) after the final norm."""

    def norm(name, x):
        return layer_norm(x, (WIDTH,), state[f"{name}.weight"], state[f"{name}.bias"], 1e-6)

    def project(name, x):
        return linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    x = conv2d(image, state["patch_embed.proj.weight"], state["patch_embed.proj.bias"], stride=PATCH)
    x = x.flatten(2).transpose(1, 2)
    cls = state["cls_token"].expand(len(x), -1, -1)
    if state["pos_embed"].shape[1] == x.shape[1]:  # no_embed_class
        x = torch.cat([cls, x + state["pos_embed"]], dim=1)
    else:
        x = torch.cat([cls, x], dim=1) + state["pos_embed"]
    if "reg_token" in state:
        x = torch.cat([x[:, :1], state["reg_token"].expand(len(x), -1, -1), x[:, 1:]], dim=1)
    for block in (f"blocks.{index}." for index in range(DEPTH)):
        qkv = project(f"{block}attn.qkv", norm(f"{block}norm1", x))
        q, k, v = qkv.reshape(*x.shape[:2], 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        x = x + project(f"{block}attn.proj", mixed) * state.get(f"{block}ls1.gamma", 1.0)
        hidden = gelu(project(f"{block}mlp.fc1", norm(f"{block}norm2", x)))
        x = x + project(f"{block}mlp.fc2", hidden) * state.get(f"{block}ls2.gamma", 1.0)
    return norm("norm", x)


def write(folder, state, **config):
    folder.mkdir(exist_ok=True)
    save_file({key: value.contiguous() for key, value in state.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text(json.dumps(HALF))
    return folder


def output(folder, image):
    with torch.inference_mode():
        return load_backbone(folder, image.shape[-1])[0].eval()(image).last_hidden_state


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"class_position": False},
        {"layer_scale": True},
        {"layer_scale": True, "registers": 2, "class_position": False},
        {"layer_scale": True, "registers": 2},
    ],
    ids=["vit", "vit_no_embed_class", "dinov2", "reg2_dinov2", "reg2_dinov2_of_its_authors"],
)
def test_timm_is_converted_exactly(tmp_path, kind):
    state, image = timm_weights(**kind), torch.rand(2, 3, 64, 64)
    found = output(write(tmp_path / "timm", state, num_attention_heads=HEADS), image)
    assert torch.allclose(found, timm_forward(state, image), atol=1e-5)


@pytest.mark.parametrize("qkv_bias", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
def test_monai_is_converted_exactly(tmp_path, qkv_bias, channels):
    from monai.networks.nets import ViT

    torch.manual_seed(0)
    settings = {"hidden_size": WIDTH, "mlp_dim": 2 * WIDTH, "num_layers": DEPTH, "num_heads": HEADS}
    settings |= {
        "qkv_bias": qkv_bias,
        "classification": True,
        "num_classes": 5,
        "spatial_dims": 2,
        "post_activation": None,
    }
    network = ViT(channels, (64, 64), (PATCH, PATCH), **settings).eval()
    for name, parameter in network.named_parameters():
        if name == "cls_token" or "norm" in name:
            torch.nn.init.normal_(parameter)
    folder = write(tmp_path / "monai", {}, num_attention_heads=HEADS)
    (folder / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.0] * channels, "image_std": [1.0] * channels})
    )
    (folder / "model.safetensors").unlink()
    torch.save({"state_dict": network.state_dict()}, folder / "model.pt")
    image = torch.rand(2, channels, 64, 64)
    with torch.inference_mode():
        expected = network.norm(network(image)[1][-1])
    assert torch.allclose(output(folder, image), expected, atol=1e-5)
    radiograph = image[:, :1]
    classifier = ViTMultilabel(folder, num_labels=2, image_size=64).eval()
    with torch.inference_mode():
        expected = network.norm(network(radiograph.expand(-1, channels, -1, -1))[1][-1])[:, 0]
        assert torch.allclose(classifier.features(radiograph), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["vit", "dinov2", "dinov2_with_registers"])
@pytest.mark.parametrize("prefix", ["", "model type."])
def test_both_key_styles_of_hugging_face(tmp_path, kind, prefix):
    """On disk are the names of transformers 4; those of transformers 5 in memory are accepted too."""
    from safetensors.torch import load_file

    model, image = make(kind), torch.rand(2, 3, 64, 64)
    model.save_pretrained(tmp_path / "old")
    old, new = load_file(tmp_path / "old" / "model.safetensors"), model.state_dict()
    assert any(".attention.attention.query." in key for key in old) and any(".q_proj." in key for key in new)
    with torch.inference_mode():
        expected = model(image).last_hidden_state
    config = json.loads((tmp_path / "old" / "config.json").read_text())
    prefix = prefix.replace("model type", kind)
    for name, state in (("old", old), ("new", new)):
        folder = write(tmp_path / name, {prefix + key: value for key, value in state.items()}, **config)
        assert torch.allclose(output(folder, image), expected, atol=1e-5)


def test_gated_layers_of_the_giant_in_both_key_styles(tmp_path):
    from transformers import AutoConfig, AutoModel

    sizes = {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "patch_size": 16, "image_size": 64}
    model = AutoModel.from_config(AutoConfig.for_model("dinov2", **sizes, mlp_ratio=2, use_swiglu_ffn=True)).eval()
    image = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        expected = model(image).last_hidden_state
    model.save_pretrained(tmp_path / "giant")
    assert torch.allclose(output(tmp_path / "giant", image), expected, atol=1e-5)


def test_timm_folder_of_the_hub_needs_nothing_else(tmp_path):
    """Its config.json names the architecture, whose heads are known, and the normalisation."""
    state = timm_weights()
    width = {"architecture": "vit_tiny_patch16_224.augreg", "num_classes": 7}
    folder = write(tmp_path / "timm", state, **width, pretrained_cfg={"mean": [0.1] * 3, "std": [0.2] * 3})
    (folder / "preprocessor_config.json").unlink()
    backbone, mean, std = load_backbone(folder, 96)
    assert backbone.config.num_attention_heads == 3 and (mean, std) == ([0.1] * 3, [0.2] * 3)
    assert "architecture" not in backbone.config.to_diff_dict()


def test_positions_of_every_format_are_resampled_and_kept_at_their_own_size(tmp_path):
    state = timm_weights()
    folder = write(tmp_path / "timm", state, num_attention_heads=HEADS)
    same, larger = (load_backbone(folder, size)[0].embeddings.position_embeddings for size in (64, 128))
    assert torch.equal(same, state["pos_embed"])
    assert larger.shape == (1, 65, WIDTH) and torch.equal(larger[:, 0], same[:, 0])
    centre = larger[:, 1:].reshape(8, 8, WIDTH)[3:5, 3:5].mean((0, 1))
    assert torch.allclose(centre, same[:, 1:].reshape(4, 4, WIDTH)[1:3, 1:3].mean((0, 1)), atol=0.1)


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"hidden_size": 96}, "of another size: .*embeddings"),
        ({"patch_size": 8}, r"of another size: .*projection\.weight"),
        ({"num_hidden_layers": 4}, r"missing: layers\.3\."),
        ({"num_hidden_layers": 2}, r"unexpected: layers\.2\."),
    ],
)
def test_a_configuration_that_contradicts_the_weights_is_refused(tmp_path, config, named):
    folder = write(tmp_path / "timm", timm_weights(), num_attention_heads=HEADS, **config)
    with pytest.raises(ValueError, match=named):
        load_backbone(folder, 64)


def test_what_the_weights_do_not_tell_is_asked_for(tmp_path):
    folder = write(tmp_path / "timm", timm_weights())
    with pytest.raises(ValueError, match="expected num_attention_heads"):
        load_backbone(folder, 64)
    folder = write(tmp_path / "timm", timm_weights(), num_attention_heads=HEADS)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ValueError, match="normalisation of the timm weights is not known"):
        load_backbone(folder, 64)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5], "image_std": [0.5]}))
    with pytest.raises(ValueError, match="a number for each of 3 channels"):
        load_backbone(folder, 64)


def test_other_networks_and_unused_parts_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"found conv1\.weight"):
        format_of({"conv1.weight": torch.zeros(1)})
    state = timm_weights() | {"norm_pre.weight": torch.ones(WIDTH)}  # CLIP's
    with pytest.raises(ValueError, match=r"1 unexpected: norm_pre\.weight"):
        load_backbone(write(tmp_path / "clip", state, num_attention_heads=HEADS), 64)


def test_a_classifier_on_foreign_weights_is_saved_as_a_folder_of_ours(tmp_path):
    folder = write(tmp_path / "timm", timm_weights(layer_scale=True), num_attention_heads=HEADS)
    network = ViTMultilabel(folder, num_labels=2, image_size=64, pool="label_tokens").eval()
    save_vit_multilabel(network, tmp_path / "model", labels=["A", "B"], provenance={})
    image = torch.rand(1, 1, 64, 64)
    assert torch.equal(load_vit_multilabel(tmp_path / "model")(image), network(image))
