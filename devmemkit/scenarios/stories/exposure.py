"""How likely a region is written to before its driver claims it: simulated, with seeds.

The rates are assumptions, not measurements: `writers` processes each write to the region at random
moments, `rate` times a second on average (a Poisson process), from the moment at which there are
programs; the driver's claim comes `delay` seconds after that, give or take a share `spread`.
Whether a write succeeds at all is an answer of the model (defences.py), not an assumption.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import NamedTuple

Z95 = 1.959963984540054
"""Quantile of the normal distribution for an interval of 95 %."""


class Share(NamedTuple):
    """`hits` of `trials`; `low` to `high` is Wilson's 95 % interval of the share."""

    hits: int
    trials: int
    low: float
    high: float

    @property
    def value(self) -> float:
        return self.hits / self.trials


def share(hits: int, trials: int) -> Share:
    """The interval of a share (Wilson 1927); ValueError without trials."""
    if not 0 <= hits <= trials or trials < 1:
        raise ValueError(
            f"trials: expected at least 1 and at most as many hits, got {hits, trials}"
        )
    p, n, zz = hits / trials, trials, Z95 * Z95
    middle = (p + zz / (2 * n)) / (1 + zz / n)
    half = Z95 * math.sqrt(p * (1 - p) / n + zz / (4 * n * n)) / (1 + zz / n)
    return Share(hits, trials, max(0.0, middle - half), min(1.0, middle + half))


@dataclass(frozen=True)
class Exposure:
    """The assumptions: seconds, processes, writes a second of each, share of the delay.

    ValueError for an assumption out of range, with its name.
    """

    delay: float
    writers: int = 1
    rate: float = 0.01
    spread: float = 0.5

    def __post_init__(self) -> None:
        for name, low, high in (
            ("delay", 0, 1e6), ("writers", 0, 10_000), ("rate", 0, 1e6), ("spread", 0, 1)
        ):  # fmt: skip
            given = getattr(self, name)
            if not isinstance(given, int | float) or not low <= given <= high:
                raise ValueError(
                    f"{name}: expected a number from {low:g} to {high:g}, got {given!r}"
                )

    @property
    def expected(self) -> float:
        """The same probability in closed form: 1 - E[exp(-writers rate delay)]."""
        busy = self.writers * self.rate
        low, high = self.delay * (1 - self.spread), self.delay * (1 + self.spread)
        if busy * (high - low) < 1e-9:
            return -math.expm1(-busy * self.delay)
        return 1 - (math.exp(-busy * low) - math.exp(-busy * high)) / (busy * (high - low))


def simulate(exposure: Exposure, trials: int, seed: int | str) -> Share:
    """Simulate the share of trials with a write before the claim; a seed fixes the result."""
    numbers = random.Random(seed)
    busy = exposure.writers * exposure.rate
    hits = 0
    for _ in range(trials):
        claim = exposure.delay * (1 + exposure.spread * numbers.uniform(-1, 1))
        if busy and numbers.expovariate(busy) < claim:  # the first write of any of them
            hits += 1
    return share(hits, trials)


def fletcher64(data: bytes) -> int:
    """The checksum of an info block, over 32-bit words (drivers/nvdimm/core.c:nd_fletcher64)."""
    low = high = 0
    for at in range(0, len(data), 4):
        low = (low + int.from_bytes(data[at : at + 4], "little")) & 0xFFFFFFFF
        high = (high + low) & 0xFFFFFFFFFFFFFFFF
    return (high & 0xFFFFFFFF) << 32 | low


def detected(trials: int, seed: int, *, on_purpose: bool, size: int = 4096) -> Share:
    """How often the checksum detects a changed 8-byte word; one `on_purpose` updates it, too."""
    numbers = random.Random(seed)
    hits = 0
    for _ in range(trials):
        block = bytearray(numbers.randbytes(size))
        stored = fletcher64(bytes(block))
        at = numbers.randrange(0, size, 8)
        block[at : at + 8] = numbers.randbytes(8)
        if on_purpose:
            stored = fletcher64(bytes(block))
        hits += fletcher64(bytes(block)) != stored
    return share(hits, trials)
