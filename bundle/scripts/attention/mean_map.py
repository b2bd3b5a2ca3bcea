"""Mean map over the films of other patients: the control that shows whether a map, or a region, follows its film."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch


class MeanMap:
    """Mean of the maps of films, to which films are added one after another.

    Attributes:
        patients: sum of the maps and number of the films of each patient.
    """

    def __init__(self) -> None:
        self.patients: dict[Hashable, tuple[torch.Tensor, int]] = {}
        self.total: torch.Tensor | float = 0.0
        self.count = 0

    def add(self, patient: Hashable, grid: torch.Tensor) -> None:
        """Add the map of a film; a map that is not finite is left out, because it would leave nothing of the mean."""
        if not bool(grid.isfinite().all()):
            return
        total, count = self.patients.get(patient, (0.0, 0))
        # The sums of the patients are kept in float32, because there may be as many of them as films.
        self.patients[patient] = (total + grid.float(), count + 1)
        self.total, self.count = self.total + grid.double(), self.count + 1

    def without(self, patient: Hashable) -> torch.Tensor | None:
        """Mean map, in float64, of the films of all other patients; ``None`` if there is no other patient."""
        own, count = self.patients.get(patient, (0.0, 0))
        if count == self.count:
            return None
        return (torch.as_tensor(self.total) - own) / (self.count - count)


def other_means(maps: torch.Tensor, patients: Sequence[Hashable]) -> torch.Tensor | None:
    """Mean map of the films of all other patients, for each film.

    Args:
        maps: (N, ...) maps of N films.
        patients: N patients.

    Returns:
        (N, ...), or ``None`` if all films belong to one patient.
    """
    mean = MeanMap()
    for patient, grid in zip(patients, maps, strict=True):
        mean.add(patient, grid)
    found = [mean.without(patient) for patient in patients]
    known = [grid for grid in found if grid is not None]
    return torch.stack(known) if found and len(known) == len(found) else None
