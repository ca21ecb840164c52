"""Fine-tuning: learns, restarts, goes on after a kill, and refuses what is not its own."""

from __future__ import annotations

import dataclasses
import json
import os
import runpy
import signal
import socket
from pathlib import Path

import numpy as np
import pytest
import torch

from alasl.data.images import load_square
from alasl.data.inputs import Inputs
from alasl.data.scenes import draw
from alasl.errors import ConflictError, DataError, UsageError
from alasl.losses import asymmetric
from alasl.metrics import average_precision, mean_ap
from alasl.models import loading
from alasl.models.base import Context
from alasl.models.checkpoint import read_tensors, write_tensors
from alasl.models.estimators.finetune import Finetune
from alasl.models.recipe import FinetuneSettings
from warm import Python

CHILD = Path(__file__).with_name("finetune_child.py")
draw_squares, squares, weights_digest = (
    runpy.run_path(str(CHILD))[name] for name in ("draw_squares", "squares", "weights_digest")
)
TINY, RANDOM = "test_efficientnet", Path("none")
SETTINGS = FinetuneSettings(epochs=2, size=32, batch=8, precision="float32", workers=0)
ROWS, TEST = np.arange(20), np.arange(20, 30)


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small lose by a second thread, most of all on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """30 images with squares of 3 colours, and which of them each has."""
    folder = tmp_path_factory.mktemp("squares")
    draw_squares(folder)
    return folder


def model(checkpoint: Path | None = None, **changes) -> Finetune:
    settings = dataclasses.replace(SETTINGS, **changes)
    return Finetune(3, settings, Context(TINY, RANDOM, checkpoint))


def held_out(folder: Path) -> Inputs:
    return squares(folder).take(TEST)


def fit(model: Finetune, folder: Path, seed: int = 0, **given) -> list[np.ndarray]:
    seen: list[np.ndarray] = []
    targets = np.load(folder / "entries.npy")[ROWS]

    def tell(epoch: int, logits: np.ndarray) -> None:
        assert epoch == len(seen)
        seen.append(logits)

    given = {"eval_on": held_out(folder), "on_epoch": tell} | given
    model.fit(squares(folder).take(ROWS), targets, seed=seed, **given)
    return seen


@pytest.mark.slow
def test_what_a_fit_shows_and_predicts(folder):
    finetune, images = model(), held_out(folder)
    untrained = finetune.predict_proba(images)
    assert untrained.shape == (10, 3)
    threads, generator = torch.get_num_threads(), torch.get_rng_state()
    seen = fit(finetune, folder)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.is_grad_enabled()
    assert [logits.shape for logits in seen] == [(10, 3)] * 2
    assert seen[0].dtype == np.float32
    assert not np.array_equal(seen[0], seen[1])
    probabilities = finetune.predict_proba(images)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-seen[1])), rtol=1e-5)
    assert not np.allclose(probabilities, untrained)
    np.testing.assert_array_equal(finetune.logits(images), seen[1])
    assert finetune.embed(images).shape == (10, 256)
    # A prediction does not hang on what stands beside it.
    alone, turned = images.take([3]), images.take(np.arange(10)[::-1])
    np.testing.assert_allclose(finetune.predict_proba(alone)[0], probabilities[3], atol=1e-5)
    np.testing.assert_allclose(finetune.predict_proba(turned), probabilities[::-1], atol=1e-5)
    assert finetune.predict_proba(images.take([])).shape == (0, 3)


@pytest.mark.slow
def test_the_seed_alone_determines_a_fit(folder):
    first, again, other, crowd = (
        model(), model(), model(), model(workers=2)
    )  # fmt: skip
    for finetune, seed in ((first, 0), (again, 1), (again, 0), (other, 1), (crowd, 0)):
        fit(finetune, folder, seed)
    assert weights_digest(first) == weights_digest(again) == weights_digest(crowd)
    assert weights_digest(first) != weights_digest(other)


@pytest.mark.slow
@pytest.mark.parametrize(("kept", "times"), [(2**30, 1), (0, 3)])
def test_images_that_are_evaluated_are_loaded_once_where_they_fit(folder, monkeypatch, kept, times):
    read: list[Path] = []

    def count(path: Path, size: int) -> np.ndarray:
        read.append(path)
        return load_square(path, size)

    monkeypatch.setattr(loading, "load_square", count)
    monkeypatch.setattr(loading, "KEPT", kept)
    fit(model(epochs=3), folder)
    assert [read.count(path) for path in held_out(folder).files()] == [times] * 10
    assert [read.count(path) for path in squares(folder).take(ROWS).files()] == [3] * 20


@pytest.mark.slow
def test_a_warm_start_goes_on_from_the_last_fit(folder, tmp_path):
    kept, loaded = model(), model()
    fit(kept, folder)
    write_tensors(tmp_path / "weights.safetensors", kept.tensors(), {})
    loaded.restore(read_tensors(tmp_path / "weights.safetensors")[0])
    assert weights_digest(kept) == weights_digest(loaded)
    images = held_out(folder)
    np.testing.assert_array_equal(kept.predict_proba(images), loaded.predict_proba(images))
    fit(kept, folder, seed=1, warm_start=True)
    fit(loaded, folder, seed=1, warm_start=True)
    fresh = model()
    fit(fresh, folder, seed=1)
    assert weights_digest(kept) == weights_digest(loaded) != weights_digest(fresh)


@pytest.mark.slow
def test_unknown_entries_teach_nothing(folder):
    ends = []
    for known, rate in ((0, 1e-4), (0, 1e-2), (1, 1e-2)):
        finetune = model(rate=rate, decay=0.0, epochs=1)
        targets = np.full((20, 3), -1, np.int8)
        targets[:known] = 1
        finetune.fit(squares(folder).take(ROWS), targets, seed=0)
        ends.append(weights_digest(finetune))
    assert ends[0] == ends[1] != ends[2]


@pytest.mark.parametrize("params", [{"reduction": "mean"}, {"loss": "bce", "augment": False},
                                    {"loss": "asl:gamma_neg=2"}, {"precision": "bfloat16"},
                                    {"precision": "float16"}])  # fmt: skip
def test_each_way_to_train_gives_finite_results(folder, params):
    seen = fit(model(epochs=1, **params), folder)
    assert np.isfinite(seen[0]).all()


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["asl", "ll-cp:rate=20"])
def test_a_killed_fit_goes_on_and_ends_with_the_same_bits(folder, tmp_path, loss, python: Python):
    def run_child(checkpoint: Path | str, *slow: str):
        return python.start(CHILD, folder, checkpoint, json.dumps([(TINY, settings)]), *slow)

    settings = {"epochs": 5, "size": 32, "batch": 4, "precision": "float32", "loss": loss}
    whole = run_child("-")
    told = whole.communicate()[0]
    assert whole.returncode == 0
    (want,) = json.loads((folder / "end-0.json").read_text())

    checkpoint, killed_in = tmp_path / "checkpoint.safetensors", []
    for stop in ("epoch 0", "epoch 2"):
        child = run_child(checkpoint, "0.05")
        for line in child.stdout:
            if line.startswith(stop):
                os.kill(child.pid, signal.SIGKILL)
                break
        assert child.wait() == -signal.SIGKILL
        child.stdout.close()
        killed_in.append(read_tensors(checkpoint)[1]["epochs"])
    assert 1 <= killed_in[0] <= killed_in[1] < 5
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.safetensors"]
    (folder / "end-0.json").unlink()
    for _ in range(2):
        # Once to go on, once more after it was done: the same result, with every epoch told.
        child = run_child(checkpoint)
        assert child.communicate()[0] == told
        assert json.loads((folder / "end-0.json").read_text()) == [want]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["ll-cp:rate=20", "em-apl:start=1", "csl:start=1", "splc"])
def test_what_a_loss_remembers_is_gone_on_from(folder, tmp_path, loss):
    class Stop(Exception):  # noqa: N818
        pass

    def stop(epoch: int, _: np.ndarray) -> None:
        if epoch == 1:
            raise Stop

    targets = np.load(folder / "entries.npy")[ROWS]
    targets[5:, 1:] = -1
    images, ends = squares(folder).take(ROWS), []
    for killed in (False, True):
        checkpoint = tmp_path / f"{killed}.safetensors"
        if killed:
            with pytest.raises(Stop):
                model(checkpoint, loss=loss, epochs=4).fit(
                    images, targets, seed=0, eval_on=held_out(folder), on_epoch=stop
                )
        finetune = model(checkpoint, loss=loss, epochs=4)
        finetune.fit(images, targets, seed=0, eval_on=held_out(folder))
        tensors, _ = read_tensors(checkpoint)
        ends.append({name: value for name, value in tensors.items() if name.startswith("loss.")})
        ends[-1]["weights"] = weights_digest(finetune)
    assert ends[0].keys() == ends[1].keys()
    assert ends[0]["weights"] == ends[1]["weights"]
    for name in ends[0].keys() - {"weights"}:
        assert torch.equal(ends[0][name], ends[1][name])
        # Something was remembered, and not only what it begins with.
        assert len(ends[0][name].unique()) > 1 or ends[0][name].ndim == 0


@pytest.mark.slow
def test_a_checkpoint_of_another_fit_is_refused_until_that_is_done(folder, tmp_path):
    checkpoint = tmp_path / "checkpoint.safetensors"
    first = model(checkpoint)

    class Stop(Exception):  # noqa: N818
        pass

    def stop(*_) -> None:
        raise Stop

    with pytest.raises(Stop):
        fit(first, folder, on_epoch=stop)
    before = checkpoint.read_bytes()
    for other, seed in ((model(checkpoint, rate=0.5), 0), (model(checkpoint), 1)):
        with pytest.raises(ConflictError, match="another fit, which is not done") as caught:
            fit(other, folder, seed=seed)
        assert ("seed: 0 there, 1 here" if seed else "rate: 0.001 there, 0.5 here") in str(
            caught.value
        )
    assert checkpoint.read_bytes() == before
    # Loading by other workers is the same fit, and once it is done the next takes its file.
    resumed, whole = model(checkpoint, workers=1), model()
    np.testing.assert_array_equal(fit(resumed, folder), fit(whole, folder))
    assert weights_digest(resumed) == weights_digest(whole)
    fit(resumed, folder, seed=1)
    assert read_tensors(checkpoint)[1]["fit"]["seed"] == 1


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "not ours", "weights"])
def test_a_damaged_checkpoint_is_refused(folder, tmp_path, damage):
    path = tmp_path / "checkpoint.safetensors"
    finetune = model(path, epochs=1)
    fit(finetune, folder)
    content = path.read_bytes()
    if damage == "weights":
        write_tensors(path, finetune.tensors(), {"labels": 3})
    elif damage == "not ours":
        from safetensors.torch import save_file

        save_file({"network": torch.zeros(1)}, path)
    else:
        path.write_bytes({"cut": content[:-100], "text": b"weights", "empty": b""}[damage])
    with pytest.raises(DataError, match=str(path)):
        fit(finetune, folder)


def test_weights_that_do_not_fit_are_refused():
    finetune = model()
    before = weights_digest(finetune)
    other = Finetune(4, SETTINGS, Context(TINY, RANDOM)).tensors()
    for tensors in ({"network.x": torch.zeros(1)}, {}, other):
        with pytest.raises(DataError, match="do not fit"):
            finetune.restore(tensors)
    assert weights_digest(finetune) == before


@pytest.mark.slow
def test_what_cannot_train_is_refused(folder, tmp_path):
    entries, images = np.load(folder / "entries.npy"), squares(folder)
    with pytest.raises(DataError, match="a row for each image"):
        model().fit(images.take(ROWS), entries, seed=0)
    with pytest.raises(UsageError, match="there must be an image"):
        model().fit(images.take([]), entries[:0], seed=0)
    with pytest.raises(UsageError, match=r"no longer finite in epoch 1(.|\n)*--rate"):
        fit(model(rate=1e30), folder)
    with pytest.raises(DataError, match=r"only features(.|\n)*--model logistic"):
        model().fit(Inputs(features=np.zeros((30, 2))), entries, seed=0)
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="no device 'cuda'"):
            model(device="cuda")
    gone = Inputs(paths=(tmp_path / "gone.png", *images.files()[1:]))
    with pytest.raises(DataError, match=r"gone\.png: the image file does not exist"):
        model().fit(gone.take(ROWS), entries[ROWS], seed=0)


SHARED = {
    # Layer norms: each image for itself, so that only the sharing out could make a difference.
    # Coupled decay makes Adam feel the gradient's scale. 21 images in batches of 5 share unevenly.
    "epochs": 2, "size": 32, "batch": 5, "decay": 0.5, "average": 0.0,
    "precision": "float32", "workers": 0, "device": "cpu",
}  # fmt: skip
WAYS = [
    {"reduction": "sum", "loss": "asl"},
    {"reduction": "mean", "loss": "asl"},
    {"reduction": "mean", "loss": "ll-cp:rate=20"},
    {"reduction": "sum", "loss": "csl:start=1:likeliest=1"},
]


def torchruns(count: int) -> list[dict[str, str]]:
    """What torchrun tells its processes; that a run can be started by it, a page of docs shows."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    every = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count)}
    every |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [every | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]


@pytest.mark.slow
def test_two_processes_learn_what_one_does(folder, python: Python):
    fits = [("test_convnext", SHARED | way) for way in WAYS]
    # Batch norms: what they keep of the batches must not drift apart.
    fits.append((TINY, SHARED | {"epochs": 1, "batch": 8, "decay": 1e-4, "average": 0.9997}))
    called = [CHILD, folder, "-", json.dumps(fits)]
    python(*called).check_returncode()
    one = json.loads((folder / "end-0.json").read_text())
    both = [python.start(*called, env=os.environ | place) for place in torchruns(2)]
    for process in both:
        told = process.communicate()
        assert process.returncode == 0, told
    first, second = (json.loads((folder / f"end-{rank}.json").read_text()) for rank in range(2))
    assert len(one) == len(fits)
    for fit, a, b, alone in zip(fits, first, second, one, strict=True):
        assert a == b, fit
        if fit[0] != TINY:
            np.testing.assert_allclose(
                a["predictions"], alone["predictions"], atol=1e-4, err_msg=str(fit)
            )


@pytest.mark.slow
def test_tresnet_m_trains_on_a_few_images(folder):
    settings = dataclasses.replace(SETTINGS, epochs=8, augment=False)
    finetune = Finetune(3, settings, Context("tresnet_m", RANDOM))
    images, entries = squares(folder).take(np.arange(8)), np.load(folder / "entries.npy")[:8]
    losses: list[float] = []

    def tell(_: int, logits: np.ndarray) -> None:
        loss = asymmetric(torch.from_numpy(logits), torch.as_tensor(entries))
        losses.append(loss.item())

    finetune.fit(images, entries, seed=0, eval_on=images, on_epoch=tell)
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0], losses
    assert finetune.predict_proba(images).shape == (8, 3)
    assert finetune.embed(images.take([0, 1])).shape == (2, 2048)


@pytest.mark.slow
def test_lite0_learns_scenes(tmp_path):
    """From its ImageNet weights, on 120 small scenes: far above the untrained last layer."""
    drawn = [draw(0, index) for index in range(180)]
    for index, (image, _) in enumerate(drawn):
        image.save(tmp_path / f"{index}.png")
    entries = np.stack([present for _, present in drawn])
    inputs = Inputs(paths=tuple(tmp_path / f"{index}.png" for index in range(180)))
    finetune = Finetune(entries.shape[1], FinetuneSettings(epochs=2, size=96, batch=8, workers=0))
    seen, test = inputs.take(np.arange(120)), inputs.take(np.arange(120, 180))
    untrained = mean_ap(average_precision(finetune.predict_proba(test), entries[120:]))
    finetune.fit(seen, entries[:120], seed=0)
    trained = mean_ap(average_precision(finetune.predict_proba(test), entries[120:]))
    assert trained > untrained + 10, (untrained, trained)
