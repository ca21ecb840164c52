"""A process that the tests of fine-tuning start, kill, or start twice by torchrun.

python finetune_child.py FOLDER CHECKPOINT|- FITS_AS_JSON [SLOW]

Each fit is a backbone and settings; FOLDER/end-RANK.json has how each ended.
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
        found.update(value.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def main() -> None:
    folder, checkpoint, fits, *slow = sys.argv[1:]
    torch.set_num_threads(1)
    kept = None if checkpoint == "-" else Path(checkpoint)
    ends = [fit(Path(folder), backbone, kept, given, slow) for backbone, given in json.loads(fits)]
    (Path(folder) / f"end-{os.environ.get('RANK', '0')}.json").write_text(json.dumps(ends))


def fit(
    folder: Path, backbone: str, checkpoint: Path | None, settings: dict, slow: list[str]
) -> dict:
    """Fit once; the digest of the weights and what the model then says of the test images."""
    inputs, entries = squares(folder), np.load(folder / "entries.npy")
    model = Finetune(
        entries.shape[1],
        FinetuneSettings(**settings),
        Context(backbone, Path("none"), checkpoint),
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
    return {"weights": weights_digest(model), "predictions": model.predict_proba(test).tolist()}


if __name__ == "__main__":
    main()
