"""Search all interleavings of several tasks' operations, and report counterexamples.

Read search.py first, then system.py (states and their successors) and what it is made of: learn.py
(steps as decision trees), pack.py (states as integers), independence.py (partial-order reduction);
symmetry.py stands beside it. check.py turns a search into a verdict.
"""
