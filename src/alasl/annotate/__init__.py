"""The page where people answer: a server of one project's store, for this machine unless told."""

from alasl.annotate.server import serve

__all__ = ["serve"]
