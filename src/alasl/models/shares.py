"""Features of image files by many processes at once, on one machine or a cluster of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alasl.clusters import Workers
from alasl.models.device import use_gpu
from alasl.models.features import Progress, keep, lacking

# Images that a process takes at a time, so that none waits long for the last.
SHARE = 1024


def keep_by(
    workers: Workers,
    files: Sequence[Path],
    backbone: str,
    weights: Path | None = None,
    progress: Progress | None = None,
) -> int:
    """Extract what the cache lacks of image files by workers, as `keep` does; how many it was.

    All workers must reach the files, the weights and the cache's folder by the same paths. A worker
    takes the GPU of its share's number, where there are GPUs. Files that cannot be used are left
    for `keep`, which says why. progress(done, of) is called after each share.
    """
    lacked = [file.resolve() for file in lacking(files, backbone, weights)]
    of = max(workers.count, -(-len(lacked) // SHARE))
    source = None if weights is None else weights.resolve()
    jobs = [
        (number, lacked[number::of], backbone, source) for number in range(min(of, len(lacked)))
    ]
    new = done = 0
    for extracted, count in workers.map(_share, jobs):
        new += extracted
        done += count
        if progress:
            progress(done, len(lacked))
    return new


def _share(
    number: int, files: Sequence[Path], backbone: str, weights: Path | None
) -> tuple[int, int]:
    """What a worker does: how many features are new, of how many files."""
    use_gpu(number)
    return keep(files, backbone, weights).new, len(files)
