"""Processes: what they hold, how they fork, which rights they give up."""
