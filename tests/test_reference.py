"""``docs/reference.md`` lists every setting of the configurations, with its default and its meaning there."""

import re

import pytest
from scripts.workflow import CONFIG_DIR

REFERENCE = CONFIG_DIR.parent / "docs" / "reference.md"
SETTING = re.compile(r"^(?P<key>[a-z_]+): (?P<value>.*?\S)(?:\s{2,}# (?P<meaning>.+))?$")
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


def settings(name):
    """Lines between the headings of a configuration that say what its user may change, with their meaning.

    The meaning of a setting is the comment behind it, or, where the line would be too long, the comment above it.

    Returns:
        List of (key, default, meaning); the meaning is empty where there is no comment.
    """
    text = (CONFIG_DIR / f"{name}.yaml").read_text()
    block = re.search(r"^# --- what to change first.*?\n(.*?)\n\n", text, flags=re.DOTALL | re.MULTILINE)
    assert block
    found, above = [], []
    for line in block[1].splitlines():
        if line.startswith("# "):
            above.append(line[2:])
            continue
        setting = SETTING.match(line)
        assert setting, line
        found.append((setting["key"], setting["value"], setting["meaning"] or " ".join(above)))
        above = []
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_setting_is_in_the_reference_as_it_is_in_the_configuration(name):
    expected = [f"| `{key}` | `{value}` | {meaning} |" for key, value, meaning in settings(name)]
    assert expected
    section = re.split(r"^## ", REFERENCE.read_text(), flags=re.MULTILINE)
    (text,) = [part for part in section if f"(`configs/{name}.yaml`)" in part]
    assert [line for line in text.splitlines() if line.startswith("| `")] == expected


@pytest.mark.parametrize("name", FILES)
def test_every_hyper_parameter_is_explained(name):
    unexplained = [key for key, _, meaning in settings(name) if not meaning]
    assert not unexplained
