"""Frozen features of images: extracted once, on every core, and cached by image content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alasl.data.dataset import Dataset
from alasl.data.duplicates import digests
from alasl.data.images import load_square
from alasl.errors import DataError
from alasl.models.device import has_fast_bfloat16, pick_device
from alasl.models.feature_store import FeatureStore

if TYPE_CHECKING:
    from alasl.models.backbones import Backbone

Progress = Callable[[int, int], None]

BATCH = 32
# bfloat16 is used where features have at least this mean cosine with those in float32: lite0 has
# 0.9994 on Corel5k, where mAP then differs by 0.03 points, a twentieth of its spread over seeds.
AGREEMENT = 0.998
COMPARED = 8


def cache_folder() -> Path:
    """Where features are cached: $ALASL_CACHE, else alasl/ in the user's cache folder."""
    if named := os.environ.get("ALASL_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "alasl"


def features_of(
    dataset: Dataset,
    backbone: str = "lite0",
    weights: Path | None = None,
    progress: Progress | None = None,
) -> NDArray[np.floating]:
    """(N, D): the features that a data set brought, else those of a backbone, from the cache.

    Images not yet in the cache are extracted, in batches that survive a kill; progress(done, of) is
    called after each. Raises one `DataError` that names every image file that cannot be used, once
    all others are cached, and one where features are not finite, which are never cached.
    """
    if dataset.features is not None:
        return dataset.features
    if dataset.paths is None:
        raise DataError(
            f"the data set {dataset.name!r} has neither images nor features",
            do="put the images into images/ beside the table, or name --features FILE.npy",
        )
    # Features that a data set brings need none of this, and it takes seconds.
    from alasl.models.backbones import load_backbone

    model = load_backbone(backbone, weights=weights)
    store = FeatureStore(cache_folder() / "features" / _key(model), model.dim)
    contents, bad = digests(dataset.paths)
    with store.lock:
        places = store.places()
        missing = [i for i, digest in enumerate(contents) if digest and digest not in places]
        # Each content once, in the data set's order.
        missing = list({contents[i]: i for i in reversed(missing)}.values())[::-1]
        paths = [dataset.paths[i] for i in missing]
        found, infinite = _extract(store, model, paths, [contents[i] for i in missing], progress)
        bad |= {i: found[one] for i, one in enumerate(contents) if one in found}
        if bad:
            raise DataError(
                f"{len(bad)} of {len(dataset)} image files cannot be used",
                more=[f"{dataset.paths[i]}: {bad[i].what}" for i in sorted(bad)],
                do="mend them, or take them out of the table; alasl check lists them all",
            )
        if infinite:
            raise DataError(
                "the backbone gives features that are not finite for "
                f"{sum(one in infinite for one in contents)} of {len(dataset)} images",
                where=str(weights or backbone),
                do="give other --weights, or another --backbone",
            )
        places = store.places()
        features = store.take([places[digest] for digest in contents])
    if not np.isfinite(features).all():
        raise DataError(
            "the cache of features is damaged: some are not finite",
            where=str(store.folder),
            do="delete this folder; the features are then extracted anew",
        )
    return features


def _extract(
    store: FeatureStore,
    backbone: Backbone,
    paths: Sequence[Path],
    contents: Sequence[bytes],
    progress: Progress | None,
) -> tuple[dict[bytes, DataError], set[bytes]]:
    """Put features of image files into the store; the contents that could not be decoded, and why.

    Also the contents whose features are not finite, which are not stored.
    """
    if not paths:
        return {}, set()
    extractor = Extractor(backbone, precision=store.note().get("precision"))
    infinite: set[bytes] = set()
    done = 0
    for rows, features in extractor.run(paths):
        finite = np.isfinite(features).all(axis=1)
        infinite |= {contents[row] for row in np.asarray(rows)[~finite]}
        if not len(store) and finite.any():
            store.write_note({"backbone": backbone.identity, "precision": extractor.precision})
        store.append([contents[row] for row in np.asarray(rows)[finite]], features[finite])
        done += len(rows)
        if progress:
            progress(done + len(extractor.bad), len(paths))
    return {contents[row]: error for row, error in extractor.bad.items()}, infinite


class Extractor:
    """Runs a backbone over image files: threads decode the next batches while it computes.

    precision: "bfloat16" or "float32"; None chooses bfloat16 where the processor has it and the
    first images' features agree with float32. bad: why files of a run were left out, by row.
    """

    def __init__(self, backbone: Backbone, precision: str | None = None) -> None:
        self.device = pick_device()
        self.backbone = backbone
        self.precision = precision
        self.bad: dict[int, DataError] = {}
        self._network = (
            backbone.network.eval().to(self.device).to(memory_format=torch.channels_last)
        )
        std = torch.tensor(backbone.std, device=self.device).view(1, 3, 1, 1)
        mean = torch.tensor(backbone.mean, device=self.device).view(1, 3, 1, 1)
        self._scale, self._shift = 1 / (255 * std), -mean / std

    def run(self, paths: Sequence[Path]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """The rows of successive batches of the files, in order, and their features (n, dim).

        A file that cannot be decoded is left out.
        """
        self.bad = {}
        starts = range(0, len(paths), BATCH)
        with ThreadPoolExecutor(os.cpu_count()) as pool:

            def begin(start: int) -> list[Future[NDArray[np.uint8]]]:
                batch = paths[start : start + BATCH]
                return [pool.submit(load_square, path, self.backbone.size) for path in batch]

            ahead = [begin(start) for start in starts[:2]]
            for number, start in enumerate(starts):
                rows, squares = [], []
                for row, future in enumerate(ahead.pop(0), start):
                    try:
                        squares.append(future.result())
                    except DataError as error:
                        self.bad[row] = error
                    else:
                        rows.append(row)
                if number + 2 < len(starts):
                    ahead.append(begin(starts[number + 2]))
                if rows:
                    yield rows, self.forward(torch.from_numpy(np.stack(squares))).cpu().numpy()

    def forward(self, pixels: Tensor) -> Tensor:
        """float32 features (n, dim) of squares of pixels, uint8 (n, size, size, 3)."""
        if self.precision is None:
            self.precision = self._choose(pixels[:COMPARED])
        return self._forward(pixels, self.precision)

    @torch.inference_mode()
    def _forward(self, pixels: Tensor, precision: str) -> Tensor:
        # (n, h, w, 3) seen as (n, 3, h, w) is channels_last already: no copy but to floats.
        images = pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        images = torch.addcmul(self._shift, images.float(), self._scale)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            features: Tensor = self._network(images)
        return features.float()

    def _choose(self, pixels: Tensor) -> str:
        if not has_fast_bfloat16(self.device):
            return "float32"
        fast, exact = (self._forward(pixels, p) for p in ("bfloat16", "float32"))
        agree = torch.cosine_similarity(fast, exact).mean().item() >= AGREEMENT
        return "bfloat16" if agree else "float32"


def _key(backbone: Backbone) -> str:
    """Names a store: architecture, weights, and how pixels are made ready."""
    parts = [backbone.identity, backbone.size, backbone.mean, backbone.std, "squish bicubic"]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
