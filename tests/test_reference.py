"""``docs/reference.md`` lists every setting of the configurations, with its default and its meaning there."""

import re

import pytest
from scripts.workflow import CONFIG_DIR

REFERENCE = CONFIG_DIR.parent / "docs" / "reference.md"
SETTING = re.compile(r"^(?P<key>[a-z_]+): (?P<value>.*?\S)\s{2,}# (?P<meaning>.+)$")
FILES = (
    "train",
    "enhance",
    "retrain",
    "zoom",
    "calibrate",
    "evaluate",
    "explain",
    "inference",
    "train_sr",
    "sr_evaluation",
    "ablation",
)


def rows(name):
    """Rows of the reference that a configuration's annotated settings make."""
    found = map(SETTING.match, (CONFIG_DIR / f"{name}.yaml").read_text().splitlines())
    return [f"| `{row['key']}` | `{row['value']}` | {row['meaning']} |" for row in found if row]


@pytest.mark.parametrize("name", FILES)
def test_every_setting_is_in_the_reference_as_it_is_in_the_configuration(name):
    expected = rows(name)
    assert expected
    section = re.split(r"^## ", REFERENCE.read_text(), flags=re.MULTILINE)
    (text,) = [part for part in section if f"(`configs/{name}.yaml`)" in part]
    assert [line for line in text.splitlines() if line.startswith("| `")] == expected


@pytest.mark.parametrize("name", FILES)
def test_every_hyper_parameter_is_explained(name):
    """Between the two rulers of a configuration stands what its user may change."""
    text = (CONFIG_DIR / f"{name}.yaml").read_text()
    block = re.search(r"^# --- what to change first.*?\n(.*?)\n\n", text, flags=re.DOTALL | re.MULTILINE)
    assert block
    unexplained = [line for line in block[1].splitlines() if not SETTING.match(line)]
    assert not unexplained
