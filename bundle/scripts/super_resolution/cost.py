"""Run time and memory use of a block of code."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

import torch

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
PEAK, _RESIDENT = "VmHWM", "VmRSS"


class Cost:
    """Context manager that measures run time and memory of its block.

    Args:
        device: device that the block computes on.

    Attributes:
        seconds: elapsed wall-clock time.
        peak_mb: increase of memory use from the start of the block to its peak, in 10^6 bytes. On a GPU this is the
            allocator's memory, on Linux the resident memory of the process; ``None`` on other systems.
        total_mb: memory use at the peak, in 10^6 bytes, from the same source; ``None`` on other systems.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.seconds = 0.0
        self.peak_mb: float | None = 0.0 if self.device.type == "cuda" or _RESET.exists() else None
        self.total_mb = self.peak_mb

    def __enter__(self) -> Cost:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
            torch.cuda.reset_peak_memory_stats(self.device)
            self.before = float(torch.cuda.memory_allocated(self.device))
        elif self.peak_mb is not None:
            _RESET.write_text("5", encoding="ascii")  # resets the peak to the current value (proc(5))
            self.before = resident_bytes(_RESIDENT)
        self.started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.seconds = time.perf_counter() - self.started
        if self.device.type == "cuda":
            self.total_mb = torch.cuda.max_memory_allocated(self.device) / 1e6
        elif self.total_mb is not None:
            self.total_mb = resident_bytes(PEAK) / 1e6
        if self.total_mb is not None:
            self.peak_mb = max(0.0, self.total_mb - self.before / 1e6)


def resident_bytes(field: str) -> float:
    """Bytes in a memory field of ``/proc/self/status``, for example ``VmRSS``."""
    (line,) = [line for line in _STATUS.read_text(encoding="utf-8").splitlines() if line.startswith(f"{field}:")]
    return float(line.split()[1]) * 1024
