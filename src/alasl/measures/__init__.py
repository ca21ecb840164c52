"""Measures: how much each image, or entry, of the pool is worth asking.

A measure scores and a selector (`alasl.query`) picks: measures know nothing of costs.
"""

from alasl.measures.base import Labelled, Measure, Pool, available, measure, resolve

__all__ = ["Labelled", "Measure", "Pool", "available", "measure", "resolve"]
