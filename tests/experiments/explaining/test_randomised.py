import torch
from scripts.attention import make_attention
from scripts.experiments.explaining.randomised import SHARES, randomised_similarity
from scripts.networks import ViTMultilabel

SIZES = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "patch_size": 8, "intermediate_size": 64}


class Edges:
    """Explains nothing: grey levels of the image."""

    name, per_label = "edges", False

    def __init__(self, network):
        self.network = network

    def __call__(self, image):
        from scripts.attention import AttentionOutput

        return AttentionOutput(torch.zeros(len(image), 2), torch.nn.functional.avg_pool2d(image, 8)[:, 0])


def test_a_map_that_does_not_depend_on_the_weights_is_found_out():
    torch.manual_seed(0)
    network = ViTMultilabel(architecture=SIZES, num_labels=2, image_size=48).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}

    def make(network):
        return {"edges": Edges(network), **{name: make_attention(name, network) for name in ("last_cls", "grad_cam")}}

    found = randomised_similarity(network, make, torch.rand(4, 1, 48, 48), [0, 1, 0, 1], seed=0)
    assert all(abs(value - 1) < 1e-6 for value in found["edges"].values())
    assert found["last_cls"]["head"] > 0.999  # attention does not read the head
    assert abs(found["last_cls"]["all blocks"]) < 0.6 and abs(found["grad_cam"]["all blocks"]) < 0.6
    assert list(found["grad_cam"]) == list(SHARES)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
