"""User mappings of device memory under Linux: what a driver's claim does to them.

The names below are public: `docs/public.md` says what that means. Each is imported when it is first
asked for, so `import devmemkit` itself costs next to nothing.

>>> import devmemkit as dk
>>> dk.Takeover(kernel="6.12").outcome("load_after")
'SIGBUS, BUS_ADRERR'
>>> dk.explore("mmap-vs-claim", kernel="7.3", repair="recheck").verdict
'not-found'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "BarStory",
    "DenyIdle",
    "ExcludeNew",
    "KernelProfile",
    "Policy",
    "RefuseClaim",
    "RevokeAfterGrace",
    "RevokeAll",
    "RevokeDevmem",
    "Takeover",
    "explain",
    "explore",
    "load_machine",
    "parse_iomem",
    "policy_matrix",
    "read_iomem",
    "register_policy",
    "space_map",
]

if TYPE_CHECKING:
    from devmemkit.api.machines import load_machine, parse_iomem, read_iomem
    from devmemkit.api.pictures import space_map
    from devmemkit.api.stories import BarStory, Takeover
    from devmemkit.explain.public import explain
    from devmemkit.explore.public import explore, policy_matrix
    from devmemkit.model.kernel import KernelProfile
    from devmemkit.model.policy import (
        DenyIdle,
        ExcludeNew,
        Policy,
        RefuseClaim,
        RevokeAfterGrace,
        RevokeAll,
        RevokeDevmem,
        register_policy,
    )

_HOMES = {
    "explain": ("explain",),  # the packages of these two names can be called
    "explore": ("explore",),
    "api.machines": ("load_machine", "parse_iomem", "read_iomem"),
    "api.pictures": ("space_map",),
    "api.stories": ("BarStory", "Takeover"),
    "explore.public": ("policy_matrix",),
    "model.kernel": ("KernelProfile",),
    "model.policy": (
        *("DenyIdle", "ExcludeNew", "Policy", "RefuseClaim", "RevokeAfterGrace"),
        *("RevokeAll", "RevokeDevmem", "register_policy"),
    ),
}
"""Module to public names."""


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            module = import_module(f"{__name__}.{home}")
            value = module if home == name else getattr(module, name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
