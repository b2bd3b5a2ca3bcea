import torch
from scripts.sr_training.batches import Batches
from scripts.sr_training.degradation import Degradation
from scripts.super_resolution.resampling import degrade

CPU = torch.device("cpu")


def test_batches_are_orientations_of_the_crops(crops):
    one = Batches(crops[:1], Degradation(), 2, CPU)
    oriented = [turned.rot90(k, (2, 3)) for turned in (one.crops, one.crops.flip(3)) for k in range(4)]
    found = set()
    for seed in range(40):
        batch = one.draw(torch.Generator().manual_seed(seed))
        found.add(next(i for i, other in enumerate(oriented) if torch.equal(batch[:1], other)))
    assert len(found) == 8


def test_pairs_show_the_same_crop_which_the_generator_decides(crops):
    plain = Batches(crops, Degradation(radiographic=0.0), 6, CPU)
    high_res, low_res = plain.draw_pair(torch.Generator().manual_seed(1), 4)
    assert high_res.shape == (6, 1, 32, 32)
    assert torch.equal(low_res, degrade(high_res, 4).clamp(0.0, 1.0))
    assert torch.equal(high_res, plain.draw(torch.Generator().manual_seed(1)))
    assert not torch.equal(high_res, plain.draw(torch.Generator().manual_seed(2)))
