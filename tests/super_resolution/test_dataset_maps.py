import json

import pytest
import torch
from scripts.common.geometry import fit_square
from scripts.dicom import read_radiograph

from .conftest import finish


def mean_without(job, patient):
    """Mean of the last-layer maps of the training films of other patients."""
    images = [item for item in job.datalist.splits["training"] if item["patient_id"] != patient]
    fitted = [fit_square(torch.from_numpy(read_radiograph(item["image"]).image), 32) for item in images]
    return job.attend(torch.stack(fitted)).maps.mean(dim=0)


def test_regions_of_the_mean_map_do_not_depend_on_the_film(make):
    job = make(settings={"selector": "mean_map"})
    lines = [json.loads(line) for line in finish(job).splitlines()]
    test = [line for line in lines if line["image"].startswith("test")]
    assert len({json.dumps(line["boxes"]) for line in test}) == 1
    assert torch.allclose(job.maps.mean_map.without("nobody").float(), mean_without(job, None), atol=1e-6)
    own = job.datalist.splits["training"][3]
    (film,) = job.maps.of([own], torch.zeros(1, 1, 32, 32))
    assert torch.allclose(film.maps[0].float(), mean_without(job, own["patient_id"]), atol=1e-6)


def test_mean_map_needs_training_films_of_two_patients(make):
    with pytest.raises(ValueError, match=r"mean_map needs .* at least 2 patients that can be read, found 1"):
        make(settings={"selector": "mean_map"}, limit=1).run()
