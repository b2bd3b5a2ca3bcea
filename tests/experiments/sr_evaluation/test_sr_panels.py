import numpy as np
import pytest
import torch
from scripts.experiments.sr_evaluation.sr_panels import panel
from scripts.experiments.sr_evaluation.sr_scores import RegionExample


def example(deviation):
    truth = torch.full((1, 64, 64), 0.5)
    truth[..., 0] = 0.0  # the border of the film
    enhanced = torch.full((1, 64, 64), 0.51)
    return RegionExample(truth[:, ::4, ::4], truth, enhanced, truth, deviation)


@pytest.mark.parametrize(
    ("deviation", "last"), [(torch.ones(1, 64, 64), "deviation over seeds"), (None, "ldm − truth")]
)
def test_the_deviation_has_a_column_if_there_is_one(deviation, last):
    figure = panel("ldm", [example(deviation)] * 2)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles[:4] == ["input", "bicubic", "ldm", "truth"] and titles[-1] == last


def test_the_border_of_a_film_does_not_set_the_colours_of_the_errors():
    figure = panel("ldm", [example(None)])
    errors = next(axes for axes in figure.axes if axes.get_title() == "ldm − truth").images[0]
    assert np.allclose(errors.get_clim(), (-0.01, 0.01), atol=1e-6)
