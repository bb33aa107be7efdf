"""Hypotheses: what may have happened that a description does not show, and how a user can tell."""

from __future__ import annotations

from devmemkit.explain.hypotheses.calling import CALLING
from devmemkit.explain.hypotheses.devices import DEVICES, REGION
from devmemkit.explain.hypotheses.opening import OPENING

HYPOTHESES = (*REGION, *OPENING, *CALLING, *DEVICES)
"""The hypotheses in the order in which they are offered."""
