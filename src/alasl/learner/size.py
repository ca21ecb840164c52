"""From what size on a table is not made whole: decided here for training and asking alike."""

from __future__ import annotations

from alasl.errors import UsageError

# Entries of a table that is large: it is held, and scored, without a table of all its entries, as
# far as can be. Of a smaller one, whole tables take little and are faster.
LARGE = 2**22
# Entries of the largest table that is made whole, where one must be.
WHOLE = 2**27
# Known entries of a large table are held alone where they are at most one in so many.
FEW = 8


def require_whole(what: str, shape: tuple[int, int]) -> None:
    """Raise a `UsageError` where a table of all entries (N, L), which `what` need, is too large."""
    images, labels = shape
    if images * labels > WHOLE:
        raise UsageError(
            f"{what} need a table of all entries, and so many do not fit",
            seen=f"{images} images x {labels} labels; at most {WHOLE} entries",
            do="make a project of some of the images, or of some of the labels",
        )


def is_large(images: int, labels: int) -> bool:
    """Whether a table of all entries is not made where that can be avoided."""
    return images * labels >= LARGE
