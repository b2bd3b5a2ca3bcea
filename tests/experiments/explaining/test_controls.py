import json

import numpy as np
import torch
from PIL import Image
from scripts.data.datalist import load_datalist
from scripts.experiments.explaining.controls import _DRAWS, CENTRE, PRIOR, RANDOM, Controls, _centre, training_priors


def test_the_prior_is_where_training_findings_are_and_not_test_ones(tmp_path):
    for name in ("a", "b", "c", "d"):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(tmp_path / f"{name}.png")
        (tmp_path / "d.png").write_bytes(b"no image")

    def item(name, x):
        boxes = [{"label": "Effusion", "xywh": [x, 48, 16, 16]}]
        return {"image": f"{name}.png", "patient_id": name, "label": [], "boxes": boxes}

    content = {"labels": [], "training": [item("a", 0), item("b", 16), item("d", 0)], "test": [item("c", 48)]}
    (tmp_path / "datalist.json").write_text(json.dumps(content))
    priors = training_priors(
        load_datalist(tmp_path / "datalist.json"), ["Pleural Effusion", "Mass"], {}, grid=(4, 4), size=32
    )
    expected = torch.zeros(4, 4)
    expected[3, :2] = 0.5
    assert list(priors) == ["Pleural Effusion"] and torch.equal(priors["Pleural Effusion"], expected)


def test_findings_that_a_film_lacks_or_that_have_no_pixel_do_not_lower_the_prior(tmp_path):
    inside, beside = ({"label": "Effusion", "xywh": xywh} for xywh in ([0, 0, 16, 16], [500, 0, 16, 16]))
    elsewhere = {"label": "Effusion", "xywh": [32, 32, 16, 16]}
    training = []
    for name, box, value in (("a", inside, 1), ("b", beside, 1), ("c", elsewhere, 0)):
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)).save(tmp_path / f"{name}.png")
        training.append({"image": f"{name}.png", "patient_id": name, "label": [value], "boxes": [box]})
    (tmp_path / "datalist.json").write_text(json.dumps({"labels": ["Effusion"], "training": training}))
    priors = training_priors(load_datalist(tmp_path / "datalist.json"), ["Pleural Effusion"], {}, grid=(4, 4), size=32)
    expected = torch.zeros(4, 4)
    expected[0, 0] = 1
    assert torch.equal(priors["Pleural Effusion"], expected)


def test_controls_of_an_image_are_its_own_and_repeatable():
    controls = Controls((4, 4), {"Mass": torch.rand(4, 4)}, seed=0)
    first, again, other = controls.maps("Mass", 0), controls.maps("Mass", 0), controls.maps("Edema", 1)
    assert list(first) == [RANDOM, CENTRE, PRIOR] and list(other) == [RANDOM, CENTRE]
    assert len(first[RANDOM]) == _DRAWS
    assert torch.equal(first[RANDOM][3], again[RANDOM][3]) and not torch.equal(first[RANDOM][3], other[RANDOM][3])


def test_the_centre_is_in_the_middle():
    found = _centre((5, 5))
    assert found.argmax() == 12 and torch.allclose(found, found.T) and torch.allclose(found, found.flip(0))
