"""Frozen features of images: extracted once, on every core, and cached by image content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alasl.data.dataset import Dataset
from alasl.data.duplicates import digests
from alasl.data.images import load_square
from alasl.errors import DataError
from alasl.models.device import pick_device
from alasl.models.feature_store import FeatureStore

if TYPE_CHECKING:
    from alasl.models.backbones import Backbone

Progress = Callable[[int, int], None]

# Images in a step; the last one is filled up, so that an image's features do not depend on how
# many there are with it.
BATCH = 32


@dataclass(frozen=True)
class Source:
    """What features were made by: a backbone, the hash of its weights, how pixels are made ready.

    name: as for `load_backbone`. identity: architecture and weights. size: side of the square that
    images are squished to, pixels. mean, std: subtracted and divided by, on a scale of 0 to 1, RGB.
    width: D, the features of an image.
    """

    name: str
    identity: str
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    width: int

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From its fields as JSON has them; other values are left aside.

        Raises `KeyError` or `TypeError` where one is missing or is no list of numbers.
        """
        found = {item.name: values[item.name] for item in fields(cls)}
        return cls(**{**found, "mean": tuple(found["mean"]), "std": tuple(found["std"])})


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
    """(N, D): the features that a data set brought, else those of a backbone; see `extract`."""
    if dataset.features is not None:
        return dataset.features
    if dataset.paths is None:
        raise DataError(
            f"the data set {dataset.name!r} has neither images nor features",
            do="put the images into images/ beside the table, or name --features FILE.npy",
        )
    return extract(dataset.paths, backbone, weights, progress)[0]


def extract(
    files: Sequence[Path],
    backbone: str | Backbone = "lite0",
    weights: Path | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float32], Source]:
    """(N, D): a backbone's features of image files, from the cache, and what they were made by.

    backbone, weights: as for `load_backbone`, or a backbone that is loaded. Images not yet in the
    cache are extracted, in batches that survive a kill; progress(done, of) is called after each.
    Raises one `DataError` that names every image file that cannot be used, once all others are
    cached, and one where features are not finite, which are never cached.
    """
    # Features that a data set brings need none of this, and it takes seconds.
    from alasl.models.backbones import load_backbone

    model = load_backbone(backbone, weights=weights) if isinstance(backbone, str) else backbone
    source = Source(model.name, model.identity, model.size, model.mean, model.std, model.dim)
    store = _store(model)
    contents, bad = digests(files)
    with store.lock:
        places = store.places()
        missing = [i for i, digest in enumerate(contents) if digest and digest not in places]
        # Each content once, in the data set's order.
        missing = list({contents[i]: i for i in reversed(missing)}.values())[::-1]
        paths = [files[i] for i in missing]
        found, infinite = _extract(store, model, paths, [contents[i] for i in missing], progress)
        bad |= {i: found[one] for i, one in enumerate(contents) if one in found}
        if bad:
            raise DataError(
                f"{len(bad)} of {len(files)} image files cannot be used",
                more=[f"{files[i]}: {bad[i].what}" for i in sorted(bad)],
                do="mend them, or leave them out: --skip-bad, or alasl drop where it is a project",
            )
        if infinite:
            raise DataError(
                "the backbone gives features that are not finite for "
                f"{sum(one in infinite for one in contents)} of {len(files)} images",
                where=str(weights or model.name),
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
    return features, source


def _store(model: Backbone) -> FeatureStore:
    """The cache of a backbone's features in float32."""
    folder = cache_folder() / "features" / _key(model)
    store = FeatureStore(folder, model.dim)
    if store.note().get("precision") == "bfloat16":  # of an earlier version, on some machines
        return FeatureStore(folder.with_name(f"{folder.name}-float32"), model.dim)
    return store


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
    extractor = Extractor(backbone)
    infinite: set[bytes] = set()
    done = 0
    for rows, features in extractor.run(paths):
        finite = np.isfinite(features).all(axis=1)
        infinite |= {contents[row] for row in np.asarray(rows)[~finite]}
        if not len(store) and finite.any():
            store.write_note({"backbone": backbone.identity, "precision": "float32"})
        store.append([contents[row] for row in np.asarray(rows)[finite]], features[finite])
        done += len(rows)
        if progress:
            progress(done + len(extractor.bad), len(paths))
    return {contents[row]: error for row, error in extractor.bad.items()}, infinite


class Extractor:
    """Runs a backbone over image files: threads decode the next batches while it computes.

    In float32, so that a model gives the same probabilities on any machine.
    bad: why files of a run were left out, by row.
    """

    def __init__(self, backbone: Backbone) -> None:
        self.device = pick_device()
        self.backbone = backbone
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

    @torch.inference_mode()
    def forward(self, pixels: Tensor) -> Tensor:
        """float32 features (n, dim) of squares of pixels, uint8 (n, size, size, 3)."""
        count = len(pixels)
        if count < BATCH:
            pixels = torch.cat([pixels, pixels.new_zeros((BATCH - count, *pixels.shape[1:]))])
        # (n, h, w, 3) seen as (n, 3, h, w) is channels_last already: no copy but to floats.
        images = pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        images = torch.addcmul(self._shift, images.float(), self._scale)
        features: Tensor = self._network(images)
        return features[:count].float()


def _key(backbone: Backbone) -> str:
    """Names a store: architecture, weights, and how pixels are made ready."""
    parts = [backbone.identity, backbone.size, backbone.mean, backbone.std, "squish bicubic"]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
