import numpy as np
from scripts.evaluation.disagreement import films_of_disagreement


def test_the_films_with_the_largest_gap_are_chosen_one_of_each_patient():
    base = np.full((2, 5, 2), 0.5)
    retrained = base.copy()
    retrained[:, 0, 1] += 0.4  # the same patient as case 1
    retrained[:, 1, 0] -= 0.3
    retrained[:, 2, 0] += 0.2
    retrained[0, 3, 0], retrained[1, 3, 0] = 0.9, 0.1  # the seeds disagree, their means do not
    retrained[:, 4, 1] += 0.1
    targets = np.array([[1, 0], [1, 0], [np.nan, -1], [1, 1], [0, 1]], dtype=float)
    films = films_of_disagreement(["Edema", "Mass"], base, retrained, targets, np.array([7, 7, 8, 9, 3]))
    assert [(film["case"], film["label"]) for film in films] == [(0, "Mass"), (2, "Edema"), (4, "Mass")]
    assert films[0]["labels"]["Mass"] == {"base": [0.5, 0.5], "retrained": [0.9, 0.9], "target": 0.0}
    assert [films[1]["labels"][name]["target"] for name in ("Edema", "Mass")] == [None, -1.0]
