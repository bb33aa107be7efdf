"""The public functions of the package: a scenario by name, and the table of policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devmemkit.explore.check import Result
    from devmemkit.explore.policy_matrix import Cell


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

    `policy` replaces what a claim does, `repair` the order of the steps of an mmap, or of a read or
    write in a race of these; processes map `via` "devmem" or "sysfs", and `tasks` is how many do
    the same at once: in "mmap-vs-claim" processes, beside one claim. The result's `verdict` is
    "found", with the shortest `counterexample` to a property or into a deadlock, or "not-found"
    after all `states`; it is "bounded" where the search stopped early. ValueError for a name that
    is not known.

    >>> import devmemkit as dk
    >>> result = dk.explore("mmap-vs-claim", kernel="7.3", repair="recheck")
    >>> result.verdict, result.counterexample
    ('not-found', None)
    """
    from devmemkit.explore import check
    from devmemkit.model.kernel import KernelProfile
    from devmemkit.scenarios.races.catalogue import concurrent

    profile = KernelProfile(kernel, policy_name=policy, repair=repair)
    return check.explore(concurrent(name, profile, via, tasks))


def policy_matrix(
    *, kernel: str = "6.12", via: str = "devmem", rows: tuple[str, ...] = ()
) -> list[Cell]:
    """Ask the same questions of every policy; each answer is the result of a search.

    `rows` are names of policies, all of them by default. A cell has `policy`, `question`, `answer`,
    whether that is `good`, and the steps of an `example`. ValueError for a name that is not known.

    >>> cells = policy_matrix(kernel="7.3", rows=("DenyIdle",))
    >>> {cell.question: cell.answer for cell in cells}["map a device without driver"]
    'no'
    """
    from devmemkit.explore.policy_matrix import matrix

    return list(matrix(kernel, via, rows))
