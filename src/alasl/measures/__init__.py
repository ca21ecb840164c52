"""Measures: how much each image of the pool is worth asking, from counts or from a model.

A measure scores and a selector (`alasl.query`) picks: measures know nothing of costs.
"""

from alasl.measures.base import Measure, Pool, available, measure, resolve

__all__ = ["Measure", "Pool", "available", "measure", "resolve"]
