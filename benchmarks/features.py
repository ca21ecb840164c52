"""Feature extraction from files beside the bare backbone on the same photos, already decoded.

`ALASL_BENCH_IMAGES` names a folder of photos; without it, scenes are drawn.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from alasl.data.dataset import Dataset
from alasl.data.images import load_square
from alasl.data.scenes import make_scenes
from alasl.labels import Labels
from alasl.models.backbones import load_backbone
from alasl.models.features import BATCH, Extractor, features_of

IMAGES, REPEATS, GOAL = 512, 5, 0.85


def main() -> None:
    """Print images per second of both, alternating, and the ratio of their medians."""
    with tempfile.TemporaryDirectory() as folder:
        named = os.environ.get("ALASL_BENCH_IMAGES")
        photos = Path(named) if named else make_scenes(Path(folder) / "s", IMAGES) / "images"
        paths = tuple(sorted(p for p in photos.iterdir() if p.is_file()))[:IMAGES]
        ids = tuple(path.name for path in paths)
        dataset = Dataset(Labels(np.zeros((len(ids), 1), np.int8), ("a",), ids), paths)
        decoded = torch.from_numpy(np.stack([load_square(path, 224) for path in paths]))
        bare = Extractor(load_backbone("lite0"))
        bare.forward(decoded[:BATCH])
        ours, bares = [], []
        for number in range(REPEATS):
            os.environ["ALASL_CACHE"] = f"{folder}/cache{number}"
            begun = time.perf_counter()
            for batch in decoded.split(BATCH):
                bare.forward(batch)
            bares.append(len(paths) / (time.perf_counter() - begun))
            begun = time.perf_counter()
            features_of(dataset)
            ours.append(len(paths) / (time.perf_counter() - begun))
    fast, plain = statistics.median(ours), statistics.median(bares)
    print(f"bare forward pass: {plain:.1f} images/s")
    print(f"from files into the cache, network loaded anew: {fast:.1f} images/s")
    print(
        f"ratio: {statistics.median([a / b for a, b in zip(ours, bares, strict=True)]):.3f}", end=""
    )
    print(f" (goal: at least {GOAL})")


if __name__ == "__main__":
    main()
