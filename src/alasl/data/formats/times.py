"""How long people took, as a file says it: which of its times cannot be seconds."""

from __future__ import annotations

from collections.abc import Sequence

# Nobody is at it for an hour; half of the people do not take two minutes for an answer, nor a
# quarter of an hour for an image. Of few times, all must be so long to tell of milliseconds.
_HOUR, _ANSWER, _IMAGE = 3600.0, 120.0, 900.0
_FEW, _MANY = 3, 10


def no_seconds(times: Sequence[tuple[float, int]]) -> list[int]:
    """The places of times that cannot be seconds: all where they seem to be milliseconds.

    times: how long, and for how many answers of one image. Else those above an hour are no work.

    >>> no_seconds([(1400, 1), (900, 1), (2100, 1)]), no_seconds([(1.4, 1), (4000, 1), (2.1, 1)])
    ([0, 1, 2], [1])
    """
    slow = sum(seconds > min(_ANSWER * answers, _IMAGE) for seconds, answers in times)
    if (len(times) >= _MANY and 2 * slow > len(times)) or (slow == len(times) >= _FEW):
        return [*range(len(times))]
    return [at for at, (seconds, _) in enumerate(times) if seconds > _HOUR]
