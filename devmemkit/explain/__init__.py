"""Why an access to device memory fails, on a machine that somebody described, and what to do.

The package can be called; `public.py` has the function:

>>> import devmemkit as dk
>>> dk.explain(dk.load_machine("qemu-6.12"), address=0xfebc0000).outcome
'EPERM'
"""

import sys
from inspect import signature
from types import ModuleType

from devmemkit.explain import public


class _Callable(ModuleType):
    __call__ = staticmethod(public.explain)


__signature__ = signature(public.explain)  # what inspect and notebooks show for the package
sys.modules[__name__].__class__ = _Callable
