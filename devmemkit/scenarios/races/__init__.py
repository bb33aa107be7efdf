"""Races: programs of several tasks, and the questions asked of every interleaving."""
