"""Experiments on tables whose truth is known: asking, answering, and what it brings."""
