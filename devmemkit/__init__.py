"""User mappings of device memory under Linux: what a driver's claim does to them.

The names below are public: `docs/public.md` says what that means. Each is imported when it is first
asked for, so `import devmemkit` itself costs next to nothing.

>>> import devmemkit as dk
>>> dk.Takeover(kernel="6.12").outcome("load_after")
'SIGBUS, BUS_ADRERR'
>>> dk.explore("mmap-vs-claim", kernel="7.3", repair="recheck").verdict
'not-found'
"""

__version__ = "0.1.0"

__all__ = [
    "BarStory",
    "DenyIdle",
    "ExcludeNew",
    "FaultRecheck",
    "KernelProfile",
    "NoProtection",
    "Policy",
    "RefuseClaim",
    "RevokeAfterGrace",
    "RevokeAll",
    "RevokeDevmem",
    "SignalNow",
    "SubstitutePage",
    "Takeover",
    "causes",
    "explain",
    "explore",
    "load_machine",
    "parse_iomem",
    "policy_matrix",
    "read_iomem",
    "register_policy",
    "space_map",
]

TYPE_CHECKING = False  # type checkers take it for true, and nothing has to be imported
if TYPE_CHECKING:
    from devmemkit.api.machines import load_machine, parse_iomem, read_iomem
    from devmemkit.api.pictures import space_map
    from devmemkit.api.stories import BarStory, Takeover
    from devmemkit.explain.public import causes, explain
    from devmemkit.explore.public import explore, policy_matrix
    from devmemkit.model.kernel import KernelProfile
    from devmemkit.model.policy import (
        DenyIdle,
        ExcludeNew,
        FaultRecheck,
        NoProtection,
        Policy,
        RefuseClaim,
        RevokeAfterGrace,
        RevokeAll,
        RevokeDevmem,
        SignalNow,
        SubstitutePage,
        register_policy,
    )

_HOMES = {
    "explain": ("explain",),  # the packages of these two names can be called
    "explore": ("explore",),
    "api.machines": ("load_machine", "parse_iomem", "read_iomem"),
    "api.pictures": ("space_map",),
    "api.stories": ("BarStory", "Takeover"),
    "explain.public": ("causes",),
    "explore.public": ("policy_matrix",),
    "model.kernel": ("KernelProfile",),
    "model.policy": (
        *("DenyIdle", "ExcludeNew", "FaultRecheck", "NoProtection", "Policy", "RefuseClaim"),
        *("RevokeAfterGrace", "RevokeAll", "RevokeDevmem", "SignalNow", "SubstitutePage"),
        "register_policy",
    ),
}
"""Module to public names."""


def _load(name: str) -> object:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            module = import_module(f"{__name__}.{home}")
            globals()[name] = module if home == name else getattr(module, name)
            return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if not TYPE_CHECKING:  # so that type checkers report a name that is not public
    __getattr__ = _load


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
