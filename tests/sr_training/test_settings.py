import pytest
from scripts.sr_training import SrSettings


@pytest.mark.parametrize(
    "wrong",
    [
        {"crop_size": 40},
        {"unet_channels": (16, 40)},
        {"stages": ["decoding"]},
        {"stages": []},
        {"minutes": {"diffusion": 3.0}},
        {"average_decay": 1.0},
        {"ceiling_margin": "none"},
        {"precision": "fp16"},
    ],
)
def test_a_setting_out_of_range_is_named(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SrSettings(**wrong)


def test_a_checkpoint_depends_on_sizes_and_not_on_budgets():
    longer = SrSettings(minutes={"regression": 99.0}, stages=["regression"], device="cuda", precision="fp32")
    assert longer.decisive() == SrSettings(precision="fp32").decisive()
    assert SrSettings(codes=32).decisive() != SrSettings().decisive()


def test_a_checkpoint_depends_on_the_precision_of_its_device(monkeypatch):
    for fastest, trained_in in (("bf16", "bf16"), ("fp32", "fp32"), ("fp16", "fp32")):
        monkeypatch.setattr("scripts.sr_training.settings.resolve_precision", lambda *_, found=fastest: found)
        assert SrSettings(precision="auto").decisive()["precision"] == trained_in
