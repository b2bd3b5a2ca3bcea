"""The arms of the experiment: what the network sees, and what its classifier learnt from.

Each arm removes one explanation of a gain: re-training, resampling, where the regions are, how many pixels the network
gets, noise. Two arms are compared on the same cases with the same regions, and differ in one thing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from ...common.choices import check_choice
from ...super_resolution.enhancers.registry import ENHANCERS
from ...super_resolution.regions import SELECTORS
from .filters import FILTERS

_MODES = ("global", "paste_back", "hr_canvas", "zoom")
FULL = "full"  # one region: the image
_RANDOM_ENHANCERS = ("ldm", "resshift", "inverse", "noise")


@dataclass(frozen=True)
class View:
    """What the network sees of an image.

    Attributes:
        mode: ``global`` (the image), ``paste_back`` and ``hr_canvas`` (the image with enhanced regions), ``zoom`` (the
            image, and each enhanced region at the size of the network's input).
        enhancer: of the regions: of the registry, or ``noise``, ``unsharp``.
        selector: of the regions; ``full``: one region, the image.
        image_size: side of the network's input, pixels; 0: the experiment's.
        data_consistency: of the enhancer.
    """

    mode: str = "global"
    enhancer: str = "identity"
    selector: str = "fixed_windows"
    image_size: int = 0
    data_consistency: bool = True

    @property
    def random(self) -> bool:
        """Whether it differs from one noise seed to the next."""
        return self.mode != "global" and (self.enhancer in _RANDOM_ENHANCERS or self.selector == "random")

    @property
    def slug(self) -> str:
        """Name of a folder."""
        parts = [self.mode]
        if self.mode != "global":
            parts += [self.enhancer, self.selector] + ([] if self.data_consistency else ["raw"])
        return "-".join(parts + ([str(self.image_size)] if self.image_size else []))

    def digest(self, noise_seed: int) -> str:
        """Hash of what decides the pixels."""
        decisive = {**asdict(self), "noise_seed": noise_seed if self.random else None}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Arm:
    """One arm.

    Attributes:
        name: as in the configuration.
        train_view: what its classifier learns from.
        test_view: what is evaluated.
        retrain: False: one classifier for all seeds, the first training.
    """

    name: str
    train_view: View
    test_view: View
    retrain: bool = True


def parse_arms(settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Arm]:
    """Arms of a configuration.

    Args:
        settings: fields of :class:`View` by name of the arm; besides ``retrain``, and ``train_on`` or ``test_on`` with
            the name of the arm whose images take the place of its own in training or in the test.

    Raises:
        ValueError: a field, name or value that does not exist, with the nearest that does.
    """
    views = {name: _parse_view(name, given) for name, given in settings.items()}
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
        )
    return arms


def _parse_view(name: str, given: Mapping[str, Any]) -> View:
    """View of an arm's settings; of a ``global`` one, enhancer and selector mean nothing and are refused."""
    own = [field.name for field in fields(View)]
    for key in given:
        check_choice(f"arms: {name}", key, [*own, "retrain", "train_on", "test_on"])
    view = View(**{key: value for key, value in given.items() if key in own})
    check_choice(f"arms: {name}: mode", view.mode, _MODES)
    check_choice(f"arms: {name}: enhancer", view.enhancer, [*ENHANCERS, *FILTERS])
    check_choice(f"arms: {name}: selector", view.selector, [*SELECTORS, FULL])
    if view.mode == "global" and {"enhancer", "selector", "data_consistency"} & set(given):
        raise ValueError(
            f"arms: {name}: a global view has no regions; expected no enhancer, selector or data_consistency, found "
            f"{', '.join(given)}; remove them, or set another mode"
        )
    return view
