"""Every interleaving of the steps of several tasks: a search that proves or refutes properties.

Read search.py first, then system.py (states and their successors) and what it is made of: learn.py
(steps as decision trees), pack.py (states as integers), independence.py (partial-order reduction);
symmetry.py stands beside it. check.py turns a search into a verdict.

The package can be called; `public.py` has the function:

>>> import devmemkit as dk
>>> example = dk.explore("mmap-vs-claim", kernel="7.3").counterexample
>>> [step.step for step in example.steps if step.task == "C0"]  # the claim, behind the check
['insert', 'both_ends', 'zap_begin', 'zap']
"""

import sys
from inspect import signature
from types import ModuleType

from devmemkit.explore import public


class _Callable(ModuleType):
    __call__ = staticmethod(public.explore)


__signature__ = signature(public.explore)  # what inspect and notebooks show for the package
sys.modules[__name__].__class__ = _Callable
