"""Arms of the experiment: the view that a classifier is trained on, and the view that it is evaluated on.

Each arm removes one explanation of a gain: re-training, resampling, the place of the regions, the number of pixels of
the network's input, noise. Two arms are compared on the same cases with the same regions and differ in one setting.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ...common.choices import check_choice
from ...common.setting_checks import check_settings
from ...super_resolution.enhancers.registry import ENHANCERS
from ...super_resolution.regions import SELECTORS
from .filters import FILTERS

_MODES = ("global", "paste_back", "hr_canvas", "zoom")
FULL = "full"  # one region: the image
_RANDOM_ENHANCERS = ("ldm", "resshift", "inverse", "noise")


@dataclass(frozen=True)
class View:
    """Way in which an image is given to the network.

    Attributes:
        mode: ``global`` (the image), ``paste_back`` and ``hr_canvas`` (the image with enhanced regions), ``zoom`` (the
            image, and each enhanced region at the size of the network's input).
        enhancer: name of the enhancer of the regions, from the registry or of the experiment, or ``noise`` or
            ``unsharp``.
        selector: selector of the regions; ``full`` makes the whole image one region.
        image_size: side of the network's input, in pixels; 0 takes that of the experiment.
        data_consistency: whether the enhancer applies data consistency.
    """

    mode: str = "global"
    enhancer: str = "identity"
    selector: str = "fixed_windows"
    image_size: int = 0
    data_consistency: bool = True

    @property
    def random(self) -> bool:
        """Whether the view depends on the noise seed."""
        return self.mode != "global" and (self.enhancer in _RANDOM_ENHANCERS or self.selector == "random")

    @property
    def slug(self) -> str:
        """Name of the folder of the view."""
        parts = [self.mode]
        if self.mode != "global":
            parts += [self.enhancer, self.selector] + ([] if self.data_consistency else ["raw"])
        return "-".join(parts + ([str(self.image_size)] if self.image_size else []))

    def digest(self, noise_seed: int) -> str:
        """Hash of the settings that the pixels depend on."""
        decisive = {**asdict(self), "noise_seed": noise_seed if self.random else None}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Arm:
    """One arm.

    Attributes:
        name: name in the configuration.
        train_view: view that the classifier is trained on.
        test_view: view that the classifier is evaluated on.
        retrain: whether a classifier is trained for each seed; otherwise one classifier serves all seeds.
        training: settings of ``configs/train.yaml`` of this arm only, when it is fine-tuned.
    """

    name: str
    train_view: View
    test_view: View
    retrain: bool = True
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model_slug(self) -> str:
        """Name of the folder of the classifiers; arms that are trained alike share it."""
        if not self.training:
            return self.train_view.slug
        text = json.dumps(dict(self.training), sort_keys=True, default=str)
        return f"{self.train_view.slug}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def parse_arms(settings: Mapping[str, Mapping[str, Any]], further: Collection[str] = ()) -> dict[str, Arm]:
    """Arms of a configuration.

    Args:
        settings: for each name of an arm, the fields of :class:`View`, and optionally ``retrain``, ``training``, and
            ``train_on`` or ``test_on`` with the name of an arm whose view replaces its own in training or in the test.
        further: names of enhancers of the experiment beside those of the registry.

    Raises:
        ValueError: a field, name or value does not exist; the message names the nearest.
    """
    views = {name: _parse_view(name, given, further) for name, given in settings.items()}
    arms = {}
    for name, given in settings.items():
        for key in ("train_on", "test_on"):
            if key in given:
                check_choice(f"arms: {name}: {key}", given[key], views)
        arms[name] = Arm(
            name,
            train_view=views[given.get("train_on", name)],
            test_view=views[given.get("test_on", name)],
            retrain=bool(given.get("retrain", True)),
            training=dict(given.get("training", {})),
        )
    return arms


def _parse_view(name: str, given: Mapping[str, Any], further: Collection[str]) -> View:
    """View of the settings of an arm.

    Raises:
        ValueError: a key or value does not exist, or a ``global`` view has settings of regions.
    """
    own = [field.name for field in fields(View)]
    for key in given:
        check_choice(f"arms: {name}", key, [*own, "retrain", "training", "train_on", "test_on"])
    # An image size of 0 stands for that of the experiment.
    check_settings({key: value for key, value in given.items() if (key, value) != ("image_size", 0)}, f"arms: {name}")
    view = View(**{key: value for key, value in given.items() if key in own})
    check_choice(f"arms: {name}: mode", view.mode, _MODES)
    check_choice(f"arms: {name}: enhancer", view.enhancer, [*ENHANCERS, *FILTERS, *further])
    check_choice(f"arms: {name}: selector", view.selector, [*SELECTORS, FULL])
    if view.mode == "global" and {"enhancer", "selector", "data_consistency"} & set(given):
        raise ValueError(
            f"arms: {name}: a global view has no regions; expected no enhancer, selector or data_consistency, found "
            f"{', '.join(given)}; remove them, or set another mode"
        )
    return view
