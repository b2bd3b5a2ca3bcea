import torch
from scripts.zoom import RandFlipWithCropsd


def test_crop_stays_where_it_is_in_the_image():
    image = torch.rand(1, 32, 32)
    boxes = torch.tensor([[0.25, 0.0, 0.5, 0.25], [0.0, 0.0, 0.0, 0.0]])
    item = {"image": image, "zoom": torch.stack([image[0, 8:16, 0:8], torch.zeros(8, 8)]), "zoom_boxes": boxes}
    flip = RandFlipWithCropsd(prob=1.0)
    found = flip(item)
    row0, col0, row1, col1 = (int(32 * value) for value in found["zoom_boxes"][0])
    assert (col0, col1) == (24, 32)
    assert torch.equal(found["image"][0, row0:row1, col0:col1], found["zoom"][0])
    assert (found["zoom_boxes"][1] == 0).all()
    again = flip(found)
    assert all(torch.equal(again[key], item[key]) for key in item)


def test_never_with_probability_zero():
    item = {"image": torch.rand(1, 4, 4), "zoom": torch.rand(1, 4, 4), "zoom_boxes": torch.rand(1, 4)}
    assert all(RandFlipWithCropsd(prob=0.0)(item)[key] is item[key] for key in item)
