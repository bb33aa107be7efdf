"""Every interleaving of the steps of several tasks: a search that proves or refutes properties.

The package can be called, so that its one public function has the package's name:

>>> import devmemkit as dk
>>> example = dk.explore("mmap-vs-claim", kernel="7.3").counterexample
>>> [step.step for step in example.steps if step.task == "C0"]  # the claim, behind the check
['insert', 'both_ends', 'zap_begin', 'zap']
"""

from __future__ import annotations

import sys
from inspect import signature
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devmemkit.explore.check import Result


def explore(
    name: str,
    *,
    kernel: str = "6.12",
    policy: str | None = None,
    repair: str = "",
    via: str = "devmem",
    tasks: int = 1,
) -> Result:
    """Search every order of the steps of a scenario, such as "mmap-vs-claim".

    `policy` replaces what a claim does, `repair` the order of the steps of an mmap; processes map
    `via` "devmem" or "sysfs", and `tasks` is how many tasks do the same at once. The result's
    `verdict` is "found", with the shortest `counterexample`, or "not-found" after all `states`; it
    is "bounded" where the search stopped early. ValueError for a name that is not known.

    >>> import devmemkit as dk
    >>> result = dk.explore("mmap-vs-claim", kernel="7.3", repair="recheck")
    >>> result.verdict, result.counterexample
    ('not-found', None)
    """
    from devmemkit.explore.check import explore as search
    from devmemkit.model.kernel import KernelProfile
    from devmemkit.scenarios.races.catalogue import concurrent

    profile = KernelProfile(kernel, policy_name=policy, repair=repair)
    return search(concurrent(name, profile, via, tasks))


class _Callable(ModuleType):
    __call__ = staticmethod(explore)


__signature__ = signature(explore)  # what inspect and notebooks show for the package
sys.modules[__name__].__class__ = _Callable
