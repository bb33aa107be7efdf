"""Every interleaving of the steps of several tasks: a search that proves or refutes properties.

search.py visits states; a state is one integer (pack.py). system.py gives a state's successors:
each task has a tree of learned cases (learn.py), and where no case fits, the model's step runs once
and the tree grows. Steps that nobody else can observe are merged into the step before them
(independence.py), and each state is replaced by the representative of those that differ only in the
names of tasks (symmetry.py). What is learned on the way can void the search, which then starts
again: LayoutChanged (pack.py), FootprintGrew (independence.py).

First read "What a search says" in docs/words.md, then model/machine.py (components, View),
model/errors.py (Blocked), model/step.py (operations, steps), scenarios/play.py (Act) and
scenarios/races/scenario.py (programs, properties, tasks alike). Then, in this order:

- names.py: whose a component is, and which tasks a value names
- pack.py: states as integers
- learn.py: steps as decision trees, learned by running the model's own code
- system.py: a scenario as a transition system, the successors of a state
- independence.py: partial-order reduction, which steps may be merged
- symmetry.py: one state for all that differ only in the names of tasks
- search.py: breadth-first search of all states; starts again when it learns that it was wrong
- check.py: from a search to a verdict
- counterexample.py: the steps to a violation, replayed on the model
- progress.py, lasso.py: whether every fair schedule reaches a goal; cycles that avoid it
- interleavings.py: how many orders of all steps there are, and how many differ
- endings.py: the ways in which the lab's race can end
- export.py: all states as JSON, and as a model for SPIN
- policy_matrix.py: the table of policies and questions
- public.py: what `import devmemkit` offers of this package

The package can be called:

>>> import devmemkit as dk
>>> example = dk.explore("mmap-vs-claim", kernel="7.3").counterexample
>>> [step.step for step in example.steps if step.task == "C0"]  # the claim, after the check
['insert', 'both_ends', 'zap_begin', 'zap']
"""

import sys
from inspect import signature
from types import ModuleType

from devmemkit.explore import public


class _Callable(ModuleType):
    """dk.explore() is a function, and importing a module of the package binds that name to it."""

    __call__ = staticmethod(public.explore)


__signature__ = signature(public.explore)  # what inspect and notebooks show for the package
sys.modules[__name__].__class__ = _Callable
