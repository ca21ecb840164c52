"""From Python in three lines: what to ask, a classifier, a project."""
