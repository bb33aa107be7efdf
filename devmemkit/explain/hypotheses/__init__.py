"""Hypotheses: what may have happened that a description does not show, and how a user can tell."""

from __future__ import annotations

from devmemkit.explain.hypotheses.calling import CALLING
from devmemkit.explain.hypotheses.devices import DEVICES
from devmemkit.explain.hypotheses.opening import OPENING
from devmemkit.explain.hypotheses.region import REGION

HYPOTHESES = (*REGION, *OPENING, *CALLING, *DEVICES)
"""The hypotheses in the order in which they are offered."""
