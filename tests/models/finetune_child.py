"""A process that the tests of fine-tuning start, kill, or start twice by torchrun.

python finetune_child.py FOLDER BACKBONE CHECKPOINT|- SETTINGS_AS_JSON [SLOW]
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from alasl.data.inputs import Inputs
from alasl.models.base import Context
from alasl.models.checkpoint import write_tensors
from alasl.models.estimators.finetune import Finetune
from alasl.models.recipe import FinetuneSettings


def draw_squares(folder: Path) -> None:
    """30 images with squares of 3 colours, and which of them each has."""
    rng = np.random.default_rng(0)
    entries = rng.integers(0, 2, (30, 3)).astype(np.int8)
    np.save(folder / "entries.npy", entries)
    for row, present in enumerate(entries):
        image = rng.integers(100, 140, (40, 40, 3), dtype=np.uint8)
        for colour in np.flatnonzero(present):
            top, left = rng.integers(0, 26, 2)
            image[top : top + 14, left : left + 14] = 250 * np.eye(3, dtype=np.uint8)[colour]
        Image.fromarray(image).save(folder / f"{row}.png")


def squares(folder: Path) -> Inputs:
    """The images that `draw_squares` left in a folder."""
    count = len(np.load(folder / "entries.npy"))
    return Inputs(paths=tuple(folder / f"{row}.png" for row in range(count)))


def weights_digest(model: Finetune) -> str:
    """The same for two networks only where every bit of them is the same."""
    found = hashlib.sha256()
    for value in model.network.state_dict().values():
        found.update(value.contiguous().numpy().tobytes())
    return found.hexdigest()


def main() -> None:
    folder, backbone, checkpoint, settings, *slow = sys.argv[1:]
    torch.set_num_threads(1)
    inputs, entries = squares(Path(folder)), np.load(Path(folder) / "entries.npy")
    model = Finetune(
        entries.shape[1],
        FinetuneSettings(**json.loads(settings)),
        Context(backbone, Path("none"), None if checkpoint == "-" else Path(checkpoint)),
    )
    rows, test = np.arange(21), inputs.take(np.arange(21, 30))

    def tell(epoch: int, logits: np.ndarray) -> None:
        print("epoch", epoch, hashlib.sha256(logits.tobytes()).hexdigest(), flush=True)
        if slow:
            time.sleep(float(slow[0]))

    targets = entries[rows].copy()
    # Unknown in part, so that a loss has something to guess, or to remember.
    targets[7:, 1] = targets[12:, 2] = -1
    model.fit(inputs.take(rows), targets, seed=3, eval_on=test, on_epoch=tell)
    rank = os.environ.get("RANK", "0")
    predictions = model.predict_proba(test)
    (Path(folder) / f"end-{rank}.json").write_text(
        json.dumps({"weights": weights_digest(model), "predictions": predictions.tolist()})
    )
    write_tensors(Path(folder) / "end.safetensors", model.tensors(), {})


if __name__ == "__main__":
    main()
