"""How busy each core of this machine was for a while."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def _ticks() -> list[tuple[int, int]]:
    """For each core, the time that it was not idle and all its time, as /proc/stat counts."""
    found = []
    with suppress(OSError):
        for line in Path("/proc/stat").read_text("ascii").splitlines():
            name, *fields = line.split()
            if name.startswith("cpu") and name != "cpu":
                numbers = [int(field) for field in fields[:8]]  # the rest is counted in these
                found.append((sum(numbers) - numbers[3] - numbers[4], sum(numbers)))
    return found


class Cores:
    """The cores since this was made; as text, the share of the time that each was busy."""

    def __init__(self) -> None:
        self._before = _ticks()

    def shares(self) -> list[float]:
        """From 0 to 1, a core each; none where the system does not tell."""
        pairs = zip(self._before, _ticks(), strict=False)
        return [(b1 - b0) / (a1 - a0) for (b0, a0), (b1, a1) in pairs if a1 > a0]

    def __str__(self) -> str:
        shares = [f"{share:.0%}" for share in self.shares()]
        return f"cores busy: {', '.join(shares)}" if shares else "cores: not told by this system"
