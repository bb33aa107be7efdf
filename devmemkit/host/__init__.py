"""This machine: files that users name, temporary folders, processes that end with us."""
