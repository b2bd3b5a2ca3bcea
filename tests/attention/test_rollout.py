import torch
from scripts.attention.recording import recording
from scripts.attention.rollout import Rollout, rollout


def test_equals_the_product_of_all_layers(network):
    images = torch.rand(2, 1, 48, 48)
    with torch.inference_mode(), recording(network) as record:
        logits = network(images)
    identity = torch.eye(record.layers[0].query.shape[1])
    product = identity
    for layer in record.layers:
        product = (0.5 * identity + 0.5 * layer.weights().mean(dim=1)) @ product
    assert torch.allclose(rollout(record.layers), product[:, 0], atol=1e-6)
    output = Rollout(network)(images)
    assert torch.equal(output.logits, logits) and output.maps.shape == (2, 6, 6)
    assert torch.allclose(output.maps.flatten(1), product[:, 0, -36:], atol=1e-6)
    assert torch.allclose(product[:, 0].sum(dim=1), torch.ones(2), atol=1e-5)
