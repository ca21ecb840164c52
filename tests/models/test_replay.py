"""On a GPU: steps that are recorded and replayed learn what plain steps do."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from alasl.errors import UsageError
from alasl.models.backbones import load_backbone
from alasl.models.distributed import Ranks
from alasl.models.randomness import seeded
from alasl.models.recipe import FinetuneSettings
from alasl.models.training import Training

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
GPU, LABELS, STEPS = torch.device("cuda"), 5, 6


def learned(network: str, *, replay: bool, precision: str = "auto", size: int = 64) -> dict:
    """What a few steps on noise leave, in batches of eight and of seven."""
    with seeded(0, GPU):
        backbone = load_backbone(network, labels=LABELS, weights=Path("none"))
    settings = FinetuneSettings(size=size, batch=8, precision=precision, replay=replay)
    training = Training(backbone, settings, STEPS, GPU, Ranks())
    rng = torch.Generator().manual_seed(0)
    images = torch.randint(256, (8, 3, size, size), dtype=torch.uint8, generator=rng).to(GPU)
    targets = torch.randint(-1, 2, (8, LABELS), generator=rng).to(GPU)
    training.begin(targets)
    training.epoch(0, 1)
    for step in range(STEPS):
        count = 8 - step % 2
        with seeded(step, GPU):
            training.step(step, images[:count], targets[:count], torch.arange(count, device=GPU))
    return training.state()[0]


@pytest.mark.parametrize("network", ["test_efficientnet", "lite0", "tresnet_m"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_replayed_steps_learn_what_plain_ones_do(network: str, precision: str) -> None:
    plain = learned(network, replay=False, precision=precision)
    replayed = learned(network, replay=True, precision=precision)
    assert replayed.keys() == plain.keys()
    apart = [name for name in plain if not torch.equal(plain[name], replayed[name])]
    assert not apart, f"{len(apart)} of {len(plain)} differ, {apart[0]} first"


def test_the_seed_alone_determines_what_is_learned() -> None:
    first, again = (learned("lite0", replay=True) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_a_network_that_looks_at_its_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(self: Training, images: torch.Tensor) -> torch.Tensor:
        logits = self._wrapped(self._pixels(images))
        return logits * float(logits.sum() > 0)

    monkeypatch.setattr(Training, "_forward", look)
    with pytest.raises(UsageError, match=r"cannot be recorded(.|\n)*replay=false"):
        learned("test_efficientnet", replay=True)
