import pytest
from scripts.networks.backbone_choice import choose_backbone

TINY = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "patch_size": 8}


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({**TINY, "hidden_siz": 48}, "architecture: key: .*found 'hidden_siz'; did you mean 'hidden_size'"),
        ({**TINY, "model_type": "dinov2"}, "architecture: key: .*found 'intermediate_size'"),
        ({**TINY, "image_size": 224}, "architecture: image_size: expected 32 as in --image_size, found 224; remove it"),
        ("vit", "architecture: not nested settings"),
    ],
)
def test_fields_of_an_architecture_are_checked(architecture, message):
    with pytest.raises(ValueError, match=message):
        choose_backbone(None, architecture, image_size=32)
