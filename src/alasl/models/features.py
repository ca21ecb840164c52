"""Frozen features of images: extracted once, on every core, and cached by image content."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alasl.data.dataset import Dataset
from alasl.data.duplicates import digests
from alasl.errors import DataError
from alasl.files import cache_folder
from alasl.models.decoding import decoded
from alasl.models.device import exactly, pick_device
from alasl.models.feature_store import FeatureStore
from alasl.models.source import Source, remember, remembered

if TYPE_CHECKING:
    from alasl.models.backbones import Backbone

Progress = Callable[[int, int], None]

# Images in a step; the last one is filled up, so that an image's features do not depend on how
# many there are with it.
BATCH = 32
# Batches that are computed while the next ones are handed over.
QUEUE = {"cpu": 0, "cuda": 2}


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


@dataclass(frozen=True)
class Kept:
    """Image files looked up in the cache, once all of them that can be are in it.

    contents: the SHA-256 of each file, its key in the store. new: how many contents were extracted.
    bad: why a file cannot be used, by its place. infinite: contents whose features are not finite.
    """

    store: FeatureStore
    source: Source
    contents: list[bytes]
    new: int
    bad: dict[int, DataError]
    infinite: set[bytes]

    def features(self, files: Sequence[Path], weights: Path | None) -> NDArray[np.float32]:
        """(N, D): the features of these files. Raises `DataError` where some have none."""
        if self.bad:
            raise DataError(
                f"{len(self.bad)} of {len(files)} image files cannot be used",
                more=[f"{files[i]}: {self.bad[i].what}" for i in sorted(self.bad)],
                do="mend them, or leave them out: --skip-bad, or alasl drop where it is a project",
            )
        if self.infinite:
            raise DataError(
                "the backbone gives features that are not finite for "
                f"{sum(one in self.infinite for one in self.contents)} of {len(files)} images",
                where=str(weights or self.source.name),
                do="give other --weights, or another --backbone",
            )
        store, places = self.store, self.store.places()
        features = store.take([places[digest] for digest in self.contents])
        if not np.isfinite(features).all():
            raise DataError(
                "the cache of features is damaged: some are not finite",
                where=str(store.folder),
                do="delete this folder; the features are then extracted anew",
            )
        return features


def keep(
    files: Sequence[Path],
    backbone: str | Backbone = "lite0",
    weights: Path | None = None,
    progress: Progress | None = None,
) -> Kept:
    """Extract what the cache lacks of image files, in batches that survive a kill.

    backbone, weights: as for `load_backbone`, or a backbone that is loaded. progress(done, of) is
    called after each batch. Whoever begins with the same files beside it waits, and then finds them
    done; other files are done at the same time, by other processes, on other machines, too.
    """
    load, source = _made_by(backbone, weights)
    store = _store(source)
    contents, bad = digests(files)
    found: dict[bytes, DataError] = {}
    infinite: set[bytes] = set()
    missing = _missing(store, contents)
    if missing:
        with store.working(contents):
            missing = _missing(store, contents)
            paths = [files[i] for i in missing]
            found, infinite = _extract(store, load, paths, [contents[i] for i in missing], progress)
    bad |= {i: found[one] for i, one in enumerate(contents) if one in found}
    new = len(missing) - len(found) - len(infinite)
    return Kept(store, source, contents, new, bad, infinite)


def lacking(
    files: Sequence[Path], backbone: str | Backbone = "lite0", weights: Path | None = None
) -> list[Path]:
    """The image files whose features the cache lacks, each content once, in the order given."""
    contents, _ = digests(files)
    return [files[i] for i in _missing(_store(_made_by(backbone, weights)[1]), contents)]


def extract(
    files: Sequence[Path],
    backbone: str | Backbone = "lite0",
    weights: Path | None = None,
    progress: Progress | None = None,
) -> tuple[NDArray[np.float32], Source]:
    """(N, D): a backbone's features of image files, from the cache, and what they were made by.

    See `keep`. Raises one `DataError` that names every image file that cannot be used, once all
    others are cached, and one where features are not finite, which are never cached.
    """
    kept = keep(files, backbone, weights, progress)
    return kept.features(files, weights), kept.source


def _made_by(
    backbone: str | Backbone, weights: Path | None
) -> tuple[Callable[[], Backbone], Source]:
    """How to have a backbone, and what it is, which is mostly known without loading it."""
    if not isinstance(backbone, str):
        return lambda: backbone, _source(backbone)

    @cache
    def load() -> Backbone:
        from alasl.models.backbones import load_backbone  # takes seconds

        return load_backbone(backbone, weights=weights)

    source = remembered(backbone, weights)
    if source is None:
        source = _source(load())
        remember(source, weights)
    return load, source


def _source(backbone: Backbone) -> Source:
    return Source(
        *(backbone.name, backbone.identity, backbone.size),
        *(backbone.mean, backbone.std, backbone.dim),
    )


def _store(source: Source) -> FeatureStore:
    """The cache of a backbone's features in float32."""
    folder = cache_folder() / "features" / _key(source)
    store = FeatureStore(folder, source.width)
    if store.note().get("precision") == "bfloat16":  # of an earlier version, on some machines
        return FeatureStore(folder.with_name(f"{folder.name}-float32"), source.width)
    return store


def _missing(store: FeatureStore, contents: Sequence[bytes]) -> list[int]:
    """The places of contents that a store lacks, of each content the first."""
    places = store.places()
    missing = [i for i, digest in enumerate(contents) if digest and digest not in places]
    return list({contents[i]: i for i in reversed(missing)}.values())[::-1]


def _extract(
    store: FeatureStore,
    load: Callable[[], Backbone],
    paths: Sequence[Path],
    contents: Sequence[bytes],
    progress: Progress | None,
) -> tuple[dict[bytes, DataError], set[bytes]]:
    """Put features of image files into the store; the contents that could not be decoded, and why.

    Also the contents whose features are not finite, which are not stored.
    """
    if not paths:
        return {}, set()
    backbone = load()
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
    """Runs a backbone over image files, while the next batches are decoded.

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
        waiting: deque[tuple[list[int], Callable[[], NDArray[np.float32]]]] = deque()
        for batch in decoded(paths, self.backbone.size, BATCH, self.device):
            self.bad |= batch.bad
            if batch.rows:
                waiting.append((batch.rows, self._begin(torch.as_tensor(batch.squares))))
            if len(waiting) > QUEUE[self.device.type]:
                rows, features = waiting.popleft()
                yield rows, features()
        for rows, features in waiting:
            yield rows, features()

    def _begin(self, pixels: Tensor) -> Callable[[], NDArray[np.float32]]:
        """Have features computed; what comes back waits for them. A GPU copies beside its work."""
        if self.device.type == "cpu":
            return self.forward(pixels).numpy
        pinned = pixels if pixels.is_pinned() else pixels.pin_memory()
        there = self.forward(pinned).to("cpu", non_blocking=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record()

        def features() -> NDArray[np.float32]:
            done.synchronize()
            return there.numpy()

        return features

    @torch.inference_mode()
    def forward(self, pixels: Tensor) -> Tensor:
        """float32 features (n, dim) of squares of pixels, uint8 (n, size, size, 3)."""
        count = len(pixels)
        if count < BATCH:
            pixels = torch.cat([pixels, pixels.new_zeros((BATCH - count, *pixels.shape[1:]))])
        # (n, h, w, 3) seen as (n, 3, h, w) is channels_last already: no copy but to floats.
        images = pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        images = torch.addcmul(self._shift, images.float(), self._scale)
        with exactly(self.device):
            features: Tensor = self._network(images)
        return features[:count].float()


def _key(source: Source) -> str:
    """Names a store: architecture, weights, and how pixels are made ready."""
    parts = [source.identity, source.size, source.mean, source.std, "squish bicubic"]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
