"""Strategies: how much each image, or entry, of the pool is worth asking.

A strategy scores and a selector (`alasl.query`) picks: strategies know nothing of costs.
"""

from alasl.strategies.base import Labelled, Pool, Strategy, available, resolve, strategy

__all__ = ["Labelled", "Pool", "Strategy", "available", "resolve", "strategy"]
