"""Exercises: tasks made from a student's number, with answers that the model computes."""
