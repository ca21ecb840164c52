"""What a GPU makes of extraction, fine-tuning and heads, beside the cores that feed it.

    python -m benchmarks.gpu extraction training heads

`ALASL_BENCH_IMAGES` names a folder of photos, which are scaled to 640 x 480; without it, scenes are
drawn. Networks but lite0 have random weights: only time is measured. Each figure is written as it
comes in.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from alasl.data.images import load_square
from alasl.data.inputs import Inputs
from alasl.data.scenes import make_scenes
from alasl.models import decoding, features
from alasl.models.backbones import Backbone, load_backbone
from alasl.models.base import Context
from alasl.models.checkpoint import write_tensors
from alasl.models.distributed import Ranks
from alasl.models.estimators import logistic
from alasl.models.estimators.finetune import BATCH as BATCHES
from alasl.models.estimators.finetune import Finetune
from alasl.models.features import BATCH, Extractor
from alasl.models.prepare import Prepared
from alasl.models.recipe import FinetuneSettings
from alasl.models.registry import resolve
from alasl.models.training import Training
from alasl.models.weights import RANDOM
from alasl.threads import processors

PHOTOS, SIDES = 400, (640, 480)
NETWORKS = ("lite0", "vit_base_patch16_224")
# Network, size and batch; the paper's is the first.
TRAININGS = (("tresnet_m", 224, 16), ("tresnet_m", 448, 16), ("lite0", 224, 16))
HEADS = ((5_000, 80, 0.02), (5_000, 80, 0.4), (100_000, 80, 0.02), (100_000, 1_000, 0.01))
WIDTH = 1280
LABELS = 80
GPU = torch.device("cuda")

_found: dict[str, Any] = {}


def main(arguments: list[str] | None = None) -> None:
    """Measure what is named, and write and print each figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=("extraction", "training", "heads", "one"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--images", type=int, default=4000, help="files that are extracted")
    parser.add_argument("--together", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--heads", type=int, default=len(HEADS), help="of the sizes, the first")
    parser.add_argument("--devices", nargs="+", default=["cpu", "cuda"])
    parser.add_argument("--network", default="tresnet_m")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args(arguments)

    def tell(name: str, **values: Any) -> None:
        _found[name] = {
            key: float(f"{value:.4g}") if isinstance(value, float) else value
            for key, value in values.items()
        }
        print(f"{name}: {json.dumps(_found[name])}", flush=True)
        if options.out:
            options.out.write_text(json.dumps(_found, indent=1), encoding="utf-8")

    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    if options.parts != ["one"]:
        tell("machine", card=card, cores=processors(), torch=torch.__version__)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(os.environ.get("ALASL_BENCH_PHOTOS", folder))
        if options.parts != ["heads"]:
            photos(place)
        files = sorted(place.glob("*.jpg"))
        for part in options.parts:
            if part == "extraction":
                extraction(files, options.images, tell)
            elif part == "training":
                training(place, options, tell)
            elif part == "one":
                one(files, options)
            else:
                heads(options, tell)


def photos(folder: Path) -> None:
    """JPEGs of the size of COCO's, where there are none yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.glob("*.jpg"))) >= PHOTOS:
        return
    with tempfile.TemporaryDirectory() as drawn:
        named = os.environ.get("ALASL_BENCH_IMAGES")
        source = Path(named) if named else make_scenes(Path(drawn) / "s", 100) / "images"
        found = sorted(path for path in source.iterdir() if path.is_file())

        def scale(number: int) -> None:
            image = Image.open(found[number % len(found)]).convert("RGB")
            image.resize(SIDES, Image.Resampling.BICUBIC).save(
                folder / f"{number:04d}.jpg", quality=90
            )

        with ThreadPoolExecutor(processors()) as pool:
            list(pool.map(scale, range(PHOTOS)))


def extraction(files: list[Path], count: int, tell: Callable[..., None]) -> None:
    """Images a second: decoded alone, by the bare network, and from files to features."""
    paths = (files * -(-count // len(files)))[:count]
    some = paths[: max(BATCH, count // 4)]
    tell("decoding, one thread", rate=rate(64, lambda: [load_square(p, 224) for p in paths[:64]]))
    with ThreadPoolExecutor(processors()) as pool:
        threads = rate(count, lambda: list(pool.map(lambda path: load_square(path, 224), paths)))
    tell("decoding, threads", rate=threads)
    starts = range(0, count, BATCH)
    by_processes = rate(count, lambda: sum(1 for _ in decoding._by_processes(paths, 224, starts)))
    tell("decoding, processes, their start included", rate=by_processes)
    for name in NETWORKS:
        backbone = load_backbone(name, weights=None if name == "lite0" else RANDOM)
        if torch.cuda.is_available():
            alike(backbone, some, tell)
        extractor = Extractor(backbone)
        pixels = torch.from_numpy(np.stack([load_square(path, 224) for path in files[:256]]))
        for batch in (BATCH, 128):
            for exact in (True, False):
                if exact is False and not torch.cuda.is_available():
                    continue
                with rounding_as(exact):
                    each = bare(extractor, pixels, batch)
                tell(f"{name}, bare, batch {batch}, {'float32' if exact else 'TF32'}", rate=each)
        extractor.forward(pixels[:BATCH])
        for way, many in (("threads", 10**9), ("processes", 0)):
            decoding.MANY = many
            found = rate(len(paths), lambda each=extractor: list(each.run(paths)))
            tell(f"{name}, from files, {way}", rate=found)


@contextmanager
def rounding_as(exact: bool) -> Iterator[None]:
    """In full float32, or as torch is allowed to round for speed."""
    before = features.exactly
    if not exact:
        features.exactly = _nothing  # type: ignore[assignment]
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest" if exact else "high")
    try:
        yield
    finally:
        features.exactly = before
        torch.set_float32_matmul_precision(precision)


@contextmanager
def _nothing(_: torch.device) -> Iterator[None]:
    yield


def alike(backbone: Backbone, paths: list[Path], tell: Callable[..., None]) -> None:
    """How far a GPU's features are from a CPU's, relative to their length."""
    pixels = torch.from_numpy(
        np.stack([load_square(path, backbone.size) for path in paths[:BATCH]])
    )
    picked = features.pick_device
    features.pick_device = lambda: torch.device("cpu")
    want = Extractor(backbone).forward(pixels)
    features.pick_device = picked
    extractor = Extractor(backbone)
    found = {}
    for exact in (True, False):
        with rounding_as(exact):
            apart = extractor.forward(pixels).cpu() - want
        found["float32" if exact else "TF32"] = float(apart.norm() / want.norm())
    tell(f"{backbone.name}, features apart from a CPU's", **found)


def bare(extractor: Extractor, pixels: torch.Tensor, batch: int) -> float:
    """Images a second of the network alone, the pixels handed over."""
    parts = [
        each.pin_memory() if torch.cuda.is_available() else each for each in pixels.split(batch)
    ]

    def once() -> None:
        for part in parts * (4 if torch.cuda.is_available() else 1):
            last = extractor.forward(part)
        last.cpu()

    once()
    count = len(pixels) * (4 if torch.cuda.is_available() else 1)
    return statistics.median(rate(count, once) for _ in range(3))


def training(place: Path, options: argparse.Namespace, tell: Callable[..., None]) -> None:
    """Images a second of steps and of predictions alone, and seconds of whole epochs."""
    for name, size, batch in TRAININGS:
        for replay in (True, False) if torch.cuda.is_available() else (True,):
            way = "replayed" if replay else "launched one by one"
            tell(f"{name} at {size}, batch {batch}, {way}", **steps(name, size, batch, replay))
    for together in options.together:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "benchmarks.gpu", "one", "--network", options.network]
        command += ["--size", str(options.size), "--epochs", str(options.epochs)]
        env = os.environ | {"ALASL_BENCH_PHOTOS": str(place)}
        running = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
            for _ in range(together)
        ]
        ends = [json.loads(each.communicate()[0].splitlines()[-1]) for each in running]
        seconds = statistics.mean(end["seconds"] for end in ends)
        tell(
            f"{options.network} at {options.size}, {together} trainings at once",
            **(ends[0] | {"seconds": seconds, "rate": together * 500 / seconds}),
            whole=time.perf_counter() - begun,
        )


def steps(name: str, size: int, batch: int, replay: bool) -> dict[str, float]:
    """Images a second of one network, without files."""
    device = GPU if torch.cuda.is_available() else torch.device("cpu")
    backbone = load_backbone(name, labels=LABELS, weights=RANDOM)
    settings = FinetuneSettings(size=size, batch=batch, replay=replay)
    torch.cuda.reset_peak_memory_stats() if device.type == "cuda" else None
    learned = Training(backbone, settings, 1000, device, Ranks())
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(256, (batch, 3, size, size), dtype=torch.uint8, generator=rng).to(device)
    targets = torch.randint(2, (batch, LABELS), generator=rng).to(device)
    places = torch.arange(batch).to(device)
    learned.begin(targets)
    learned.epoch(0, 20)

    def several(count: int) -> Callable[[], float]:
        def run() -> float:
            for step in range(count):
                last = learned.step(step, images, targets, places)
            return float(last)

        return run

    count = 40 if device.type == "cuda" else 2
    several(count)()
    trained = statistics.median(rate(count * batch, several(count)) for _ in range(3))
    finetune = Finetune(LABELS, settings, Context(name, RANDOM))
    shown = images[:1].expand(BATCHES[device.type], -1, -1, -1)
    parts = [shown] * (20 if device.type == "cuda" else 1)
    finetune._logits(parts)
    predicted = statistics.median(
        rate(len(parts) * len(shown), lambda: finetune._logits(parts)) for _ in range(3)
    )
    found = {"trained": trained, "predicted": predicted}
    if device.type == "cuda":
        found["memory"] = torch.cuda.max_memory_allocated() / 2**30
    return found


def one(files: list[Path], options: argparse.Namespace) -> None:
    """Seconds of an epoch of 500 images, and 1 000 to predict after it, as `alasl run` has them."""
    settings = FinetuneSettings(size=options.size, batch=16, epochs=options.epochs)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "training.safetensors"
        finetune = Finetune(LABELS, settings, Context(options.network, RANDOM, checkpoint))
        paths = tuple(files * 4)
        inputs = Inputs(paths=paths)
        targets = np.random.default_rng(0).integers(0, 2, (500, LABELS), np.int8)
        ends = [time.perf_counter()]
        finetune.fit(
            inputs.take(np.arange(500)),
            targets,
            eval_on=inputs.take(np.arange(500, 1500)),
            on_epoch=lambda *_: ends.append(time.perf_counter()),
        )
        spans = np.diff(ends).tolist()
        begun = time.perf_counter()
        # A checkpoint holds four times as many tensors.
        write_tensors(checkpoint, finetune.tensors(), {})
        written = time.perf_counter() - begun
        print(json.dumps({"seconds": spans[-1], "first": spans[0], "a write": 4 * written}))


def heads(options: argparse.Namespace, tell: Callable[..., None]) -> None:
    """Seconds of a training of the default model, and of its probabilities of all images."""
    for images, labels, known in HEADS[: options.heads]:
        rng = np.random.default_rng(0)
        drawn = rng.standard_normal((images, WIDTH), dtype=np.float32)
        drawn *= np.linspace(2, 0.1, WIDTH, dtype=np.float32)
        weights = rng.standard_normal((WIDTH, labels), dtype=np.float32) / WIDTH**0.5
        targets = (drawn @ weights > 1).astype(np.int8)
        for start in range(0, images, 10_000):
            block = targets[start : start + 10_000]
            block[rng.random(block.shape, dtype=np.float32) >= known] = -1
        begun = time.perf_counter()
        prepared = Prepared.of(resolve("logistic"), Inputs(drawn), np.arange(images))
        ready = time.perf_counter() - begun
        for device in options.devices:
            logistic.pick_device = lambda device=device: torch.device(device)
            model = logistic.Logistic(labels)
            if device == "cuda":
                torch.zeros(1, device="cuda")
            begun = time.perf_counter()
            model.fit(prepared.inputs, targets)
            fitted = time.perf_counter() - begun
            begun = time.perf_counter()
            model.fit(prepared.inputs, targets, warm_start=True)
            again = time.perf_counter() - begun
            begun = time.perf_counter()
            logits = model.logits(prepared.inputs)
            shown = time.perf_counter() - begun
            tell(
                f"logistic, {images} x {labels}, {known:.0%} known, {device}",
                **{"made ready": ready, "first": fitted, "again": again, "predicted": shown},
                spread=model.spread,
                smooth=model.smooth,
                mean=float(np.abs(logits).mean()),
            )


def rate(count: int, work: Callable[[], Any]) -> float:
    """How many a second."""
    begun = time.perf_counter()
    work()
    return count / (time.perf_counter() - begun)


if __name__ == "__main__":
    main()
