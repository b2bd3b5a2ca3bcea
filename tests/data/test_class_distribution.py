import math

from scripts.data.class_distribution import class_distribution, format_class_table
from scripts.data.datalist import Datalist


def datalist():
    values = [1.0, 0.0, 0.0, -1.0, math.nan]
    training = [{"image": f"{k}.png", "patient_id": f"p{k // 2}", "label": [v, math.nan]} for k, v in enumerate(values)]
    return Datalist(["Edema", "Pleural Effusion"], {"training": training, "validation": [], "test": []})


def test_counts():
    rows = class_distribution(datalist())
    assert rows == [
        {"label": "Edema", "split": "training", "positive": 1, "negative": 2, "uncertain": 1, "missing": 1,
         "prevalence": 1 / 3, "of_all": 1 / 5},
        {"label": "Pleural Effusion", "split": "training", "positive": 0, "negative": 0, "uncertain": 0, "missing": 5,
         "prevalence": None, "of_all": 0.0},
    ]  # fmt: skip


def test_table_is_aligned():
    lines = format_class_table(datalist()).splitlines()
    assert lines[0] == "training: 5 images of 3 patients"
    table = lines[lines.index("") + 1 :]
    assert len({len(line) for line in table}) == 1
    assert table[1].split() == ["Edema", "training", "1", "2", "1", "1", "0.333", "0.200"]
    assert table[2].split()[-2:] == ["-", "0.000"]


def test_table_without_labels():
    assert "test: 0 images" in format_class_table(Datalist([], {"training": [], "validation": [], "test": []}))
