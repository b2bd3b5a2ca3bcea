import math

import pytest
import torch
from scripts.sr_training.training_films import read_films


def test_films_have_the_size_of_the_classifier_and_keep_their_labels(sr_datalist, tmp_path):
    items = [{**item, "label": [1.0, math.nan]} for item in sr_datalist.splits["training"]]
    (tmp_path / "broken.png").write_bytes(b"no picture")
    films = read_films([*items, {"image": str(tmp_path / "broken.png"), "label": [0.0, 0.0]}], 32, max_images=9, seed=0)
    assert films.images.shape == (4, 1, 32, 32) and films.images.dtype == torch.float16
    assert films.labels[:, 0].tolist() == [1.0] * 4 and films.labels[:, 1].isnan().all()


def test_a_split_without_a_readable_film_is_named(tmp_path):
    with pytest.raises(ValueError, match="no film to train with; expected at least one that can be read, found none"):
        read_films([], 32, max_images=9, seed=0)
