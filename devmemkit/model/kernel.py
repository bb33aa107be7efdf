"""Kernel profiles: version, architecture, configuration and command line decide the rules.

All other code asks a profile for a feature of features.py by name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from typing import Any

from devmemkit.model.features import (
    ARCHITECTURES,
    FEATURES,
    VERSIONS,
    Row,
    evidence_of,
    number,
    values_of,
)
from devmemkit.model.flags import PAGE_SHIFT
from devmemkit.model.policy import GROUP, POLICIES, FaultRule, Policy
from devmemkit.model.repairs import COPY_REPAIRS, REPAIRS, UNLOCKED

PAGE_SHIFTS = (PAGE_SHIFT, 14, 16)
"""The page sizes of arm64 (ARM64_4K_PAGES, 16K, 64K), as powers of two; others have the first."""


PARENTS = {"strict_devmem": "devmem", "io_strict_devmem": "strict_devmem"}
"""The option that each option depends on (lib/Kconfig.debug), outermost first."""


@dataclass(frozen=True, slots=True)
class Config:
    """The CONFIG_* options that the model uses; the defaults are those of Debian."""

    devmem: bool = True
    strict_devmem: bool = True
    io_strict_devmem: bool = True
    x86_pat: bool = True

    def __post_init__(self) -> None:
        for option in fields(self):
            value = getattr(self, option.name)
            if not isinstance(value, bool):
                raise ValueError(f"config: expected {option.name} True or False, got {value!r}")
        for child, parent in PARENTS.items():
            if getattr(self, child) and not getattr(self, parent):
                needs = f"{parent.upper()}=y for {child.upper()}=y"
                raise ValueError(f"config: expected {needs}, got n")


def _check(feature: str, value: Any) -> None:
    values = values_of(feature)
    if not values:
        known = ", ".join(dict.fromkeys(row.feature for row in FEATURES))
        raise ValueError(f"features: expected one of {known}; got {feature!r}")
    if not any(type(value) is type(one) and value == one for one in values):
        *others, last = map(repr, values)
        known = f"{', '.join(others)} or {last}"
        raise ValueError(f"features: expected {feature} to be {known}, got {value!r}")


@cache
def _rows(version: str, arch: str, page_shift: int) -> Mapping[str, Row]:
    mine = number(version)
    ours = (row for row in FEATURES if row.arch in ("", arch) and row.page_shift in (0, page_shift))
    return {row.feature: row for row in ours if number(row.version) <= mine}


@dataclass(frozen=True)
class KernelProfile:
    """One kernel as the model runs it.

    `policy_name` overrides that row of FEATURES alone ("6.12, but RefuseClaim"), `repair` the order
    of the steps of an mmap or of a copy, `features` other rows by name. `arch` is one of
    ARCHITECTURES, `page_shift` one of PAGE_SHIFTS. Raises ValueError for what the model does not
    know, naming what it does.

    >>> KernelProfile("6.12").policy.name, KernelProfile("4.5")["lockdown"]
    ('RevokeAll', False)
    >>> print(KernelProfile("6.12", policy_name="RefuseClaim"))
    Linux 6.12, RefuseClaim
    >>> print(KernelProfile("6.12", arch="arm64"))
    Linux 6.12 on arm64, RevokeAll
    """

    version: str
    config: Config = field(default_factory=Config)
    cmdline: str = ""
    policy_name: str | None = None
    repair: str = ""
    features: tuple[tuple[str, Any], ...] = ()
    arch: str = "x86_64"
    page_shift: int = PAGE_SHIFT

    def __post_init__(self) -> None:
        self._check_version()
        if self.arch not in ARCHITECTURES:
            known = ", ".join(ARCHITECTURES)
            raise ValueError(f"arch: expected one of {known}; got {self.arch!r}")
        if self.page_shift not in (
            shifts := PAGE_SHIFTS if self.arch == "arm64" else (PAGE_SHIFT,)
        ):
            known = " or ".join(map(str, shifts))
            raise ValueError(f"page_shift: expected {known} on {self.arch}, got {self.page_shift}")
        if not isinstance(self.cmdline, str):
            raise ValueError(f"cmdline: expected a text, got {self.cmdline!r}")
        if self.policy_name is not None and self.policy_name not in POLICIES:
            known = f"{', '.join(POLICIES)} (a package adds its own: entry points {GROUP})"
            raise ValueError(f"policy: expected one of {known}; got {self.policy_name!r}")
        if self.repair not in ("", UNLOCKED, *REPAIRS, *COPY_REPAIRS):
            known = ", ".join(REPAIRS | COPY_REPAIRS)
            raise ValueError(f"repair: expected one of {known}; got {self.repair!r}")
        for feature, value in self.features:
            _check(feature, value)
        for feature, count in Counter(feature for feature, _ in self.features).items():
            if count > 1:
                raise ValueError(f"features: expected {feature} once, got it twice")

    def _check_version(self) -> None:
        if self.version not in VERSIONS:
            known = ", ".join(VERSIONS)
            raise ValueError(f"kernel: expected one of {known}; got {self.version!r}")

    def __getitem__(self, feature: str) -> Any:
        """The value of `feature` in this kernel; KeyError when there is no such feature."""
        return self._asked_for.get(feature, self.rows[feature].value)

    @cached_property
    def _asked_for(self) -> dict[str, Any]:
        return dict(self.features)

    @cached_property
    def rows(self) -> Mapping[str, Row]:
        """The rows of FEATURES that apply, by feature; a later row replaces an earlier one."""
        return _rows(self.version, self.arch, self.page_shift)

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        return 1 << self.page_shift

    def page_align(self, length: int) -> int:
        """Bytes rounded up to whole pages."""
        return length + self.page_size - 1 & -self.page_size

    @property
    def evidence(self) -> str:
        """The evidence for the rules of this kernel: measured, read, or historic."""
        return evidence_of(self.version, self.arch)

    @cached_property
    def policy(self) -> Policy:
        return POLICIES[self.policy_name or self["policy"]]

    @cached_property
    def on_fault(self) -> FaultRule:
        """What a touch of a page without a PTE gets, by the policy or by the repair "fault"."""
        return "insert" if self.repair in ("fault", UNLOCKED) else self.policy.on_fault

    @property
    def revokes(self) -> bool:
        """Whether a claim looks for mappings: by policy, and with IO_STRICT_DEVMEM if that asks.

        The policy asks for it if its first step is `both_ends`, the test of revoke_iomem.
        """
        asks = self.policy.after_insert[:1] == ("both_ends",)
        return bool(self.policy.after_insert) and (self.config.io_strict_devmem or not asks)

    @cached_property
    def strict_iomem_checks(self) -> bool:
        """STRICT_DEVMEM; each word iomem= with "relaxed" clears it, one with "strict" sets it."""
        checks = self.config.strict_devmem
        for word in self.cmdline.split():
            if word.startswith("iomem="):
                if "relaxed" in word:
                    checks = False
                if "strict" in word:
                    checks = True
        return checks

    @cached_property
    def lockdown(self) -> bool:
        """Whether lockdown= is integrity or confidentiality, which both refuse /dev/mem.

        The kernel ignores a later lockdown= that would lift it.
        """
        words = self.cmdline.split()
        asked = "lockdown=integrity" in words or "lockdown=confidentiality" in words
        return asked and bool(self["lockdown"])

    @cached_property
    def pat(self) -> bool:
        """Whether page cache types are tracked (pat_enabled): on x86, X86_PAT and no nopat."""
        asked = self.config.x86_pat and "nopat" not in self.cmdline.split()
        return asked and bool(self["cache_types"])

    def __str__(self) -> str:
        repaired = f", repaired: {self.repair}" if self.repair else ""
        on = "" if self.arch == "x86_64" else f" on {self.arch}"
        return f"Linux {self.version}{on}, {self.policy.name}{repaired}"


class Release(KernelProfile):
    """Any release by its number ("6.8"), with the rows of FEATURES that apply at that number.

    >>> Release("5.4").policy.name, Release("5.4")["lockdown"], Release("5.4")["policy"]
    ('ExcludeNew', True, 'ExcludeNew')
    """

    def _check_version(self) -> None:
        if re.fullmatch(r"\d{1,3}\.\d{1,3}", self.version) is None:
            raise ValueError(f"kernel: expected a number such as 6.8, got {self.version!r}")

    @property
    def evidence(self) -> str:
        known = self.version in VERSIONS
        return super().evidence if known else "from the table of features alone"


@dataclass(frozen=True, eq=False)
class Noted(KernelProfile):
    """A profile that notes the features it was asked for, with the values that FEATURES gave.

    >>> kernel = Noted("6.12")
    >>> kernel.policy.name, kernel.asked
    ('RevokeAll', {'policy': 'RevokeAll'})
    """

    asked: dict[str, Any] = field(default_factory=dict)

    __eq__, __hash__ = object.__eq__, object.__hash__
    """Each is equal to itself alone: no cache may give one what only another has asked for."""

    def __getitem__(self, feature: str) -> Any:
        value = super().__getitem__(feature)
        if feature not in self._asked_for:
            self.asked[feature] = value
        return value

    def speaks_for(self, kernel: KernelProfile) -> bool:
        """Whether what was computed under this profile holds for a kernel: no rule is another."""
        same = (one.name for one in fields(KernelProfile) if one.name != "version")
        return all(getattr(self, name) == getattr(kernel, name) for name in same) and all(
            kernel.rows[feature].value == value for feature, value in self.asked.items()
        )
