"""Notebooks executed, reported and cited."""
