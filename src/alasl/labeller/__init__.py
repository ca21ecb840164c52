"""The automatic labeller: answers an entry itself where few such answers are wrong.

What it may answer is decided on given entries that chance chose (`given`), label by label, or on
the answers of an audit (`audited`), for the table as a whole.
"""

from alasl.labeller.bound import Automatic, Bound
from alasl.labeller.given import answer

__all__ = ["Automatic", "Bound", "answer"]
