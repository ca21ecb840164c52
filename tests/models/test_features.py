"""Features: equal to a plain forward pass, cached by content, safe against a kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from PIL import Image

from alasl.data.dataset import Dataset
from alasl.data.duplicates import digests
from alasl.errors import DataError
from alasl.files import cache_folder
from alasl.labels import Labels
from alasl.models import decoding, feature_store
from alasl.models.backbones import load_backbone
from alasl.models.feature_store import FeatureStore
from alasl.models.features import BATCH, Extractor, extract, features_of
from alasl.models.source import remembered
from warm import Python


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path / "cache"))
    return cache_folder()


def photos(folder: Path, count: int, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    paths = []
    for i in range(count):
        grid = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        image = Image.fromarray(grid).resize((96, 72), Image.Resampling.BICUBIC)
        image.save(folder / f"{i}.png")
        paths.append(folder / f"{i}.png")
    labels = Labels(np.zeros((count, 1), np.int8), ("a",), tuple(p.name for p in paths))
    return Dataset(labels, tuple(paths))


def plain(dataset: Dataset) -> torch.Tensor:
    backbone = load_backbone("lite0")
    rows = []
    for path in dataset.paths or ():
        image = Image.open(path).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
        x = torch.from_numpy(np.asarray(image).astype(np.float32) / 255).permute(2, 0, 1)
        with torch.no_grad():
            rows.append(backbone.network.eval()((x[None] - 0.5) / 0.5)[0])
    return torch.stack(rows)


@pytest.mark.slow
def test_features_equal_a_plain_forward_pass(tmp_path: Path) -> None:
    dataset = photos(tmp_path / "p", 5)
    expected = plain(dataset)
    batches = list(Extractor(load_backbone("lite0")).run(dataset.paths or ()))
    assert [rows for rows, _ in batches] == [list(range(5))]
    exact = batches[0][1]
    torch.testing.assert_close(torch.from_numpy(exact), expected, rtol=1e-3, atol=1e-3)
    # On any machine in float32.
    cached = np.array(features_of(dataset))
    assert cached.dtype == np.float32
    np.testing.assert_array_equal(cached, exact)


@pytest.mark.slow
def test_an_images_features_do_not_depend_on_those_beside_it(tmp_path: Path) -> None:
    extractor = Extractor(load_backbone("lite0"))
    paths = photos(tmp_path / "p", BATCH + 3).paths or ()
    whole = np.concatenate([features for _, features in extractor.run(paths)])
    assert len(whole) == BATCH + 3
    for few in ([0], [BATCH], [BATCH + 2, 5, 1]):
        ((_, alone),) = extractor.run([paths[row] for row in few])
        np.testing.assert_array_equal(alone, whole[few])


@pytest.mark.posix
@pytest.mark.slow
def test_processes_decode_for_a_gpu_as_threads_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [*(photos(tmp_path / "p", 5).paths or ())]
    paths[3].write_bytes(b"")
    monkeypatch.setattr(decoding, "MANY", 1)
    ways = [[*decoding.decoded(paths, 32, 2, torch.device(name))] for name in ("cpu", "cuda")]
    for threads, processes in zip(*ways, strict=True):
        assert threads.rows == processes.rows
        np.testing.assert_array_equal(threads.squares, processes.squares)
        assert [*map(str, threads.bad.values())] == [*map(str, processes.bad.values())]
    assert [batch.rows for batch in ways[1]] == [[0, 1], [2], [4]]
    assert [*ways[1][1].bad] == [3]


@pytest.mark.slow
def test_features_say_what_made_them(tmp_path: Path) -> None:
    dataset = photos(tmp_path / "p", 2)
    features, source = extract(dataset.paths or ())
    np.testing.assert_array_equal(features, features_of(dataset))
    assert (source.name, source.identity) == ("lite0", load_backbone("lite0").identity)
    assert (source.size, source.mean, source.std) == (224, (0.5,) * 3, (0.5,) * 3)
    assert source.width == features.shape[1] == 1280


@pytest.mark.slow
def test_what_an_earlier_version_kept_in_half_precision_is_not_taken(tmp_path: Path) -> None:
    dataset = photos(tmp_path / "p", 2)
    exact = np.array(features_of(dataset))
    (folder,) = (cache_folder() / "features").iterdir()
    store = FeatureStore(folder, 1280)
    store.write_note({**store.note(), "precision": "bfloat16"})
    (folder / "rows.f32").write_bytes(np.zeros_like(exact).tobytes())
    np.testing.assert_array_equal(features_of(dataset), exact)
    assert len(list((cache_folder() / "features").iterdir())) == 2


@pytest.mark.slow
def test_the_second_time_nothing_is_extracted_and_the_rows_are_mapped(tmp_path: Path) -> None:
    dataset = photos(tmp_path / "p", 4)
    calls: list[tuple[int, int]] = []
    first = features_of(dataset, progress=lambda done, of: calls.append((done, of)))
    assert calls == [(4, 4)]
    second = features_of(dataset, progress=lambda done, of: calls.append((done, of)))
    assert calls == [(4, 4)]
    assert isinstance(second, np.memmap)
    np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_images_are_known_by_content_not_by_name_or_order(tmp_path: Path) -> None:
    dataset = photos(tmp_path / "p", 4)
    first = np.array(features_of(dataset))
    (tmp_path / "p" / "0.png").rename(tmp_path / "p" / "moved.png")
    paths = dataset.paths or ()
    moved = (paths[2], tmp_path / "p" / "moved.png", paths[2])
    labels = Labels(np.zeros((3, 1), np.int8), ("a",), ("x", "y", "z"))
    again = features_of(Dataset(labels, moved), progress=lambda *_: pytest.fail("extracted"))
    np.testing.assert_array_equal(again, first[[2, 0, 2]])


@pytest.mark.slow
def test_only_new_images_are_extracted(tmp_path: Path) -> None:
    dataset = photos(tmp_path / "p", 3)
    features_of(dataset.take([0, 1]))
    calls: list[tuple[int, int]] = []
    features_of(dataset, progress=lambda done, of: calls.append((done, of)))
    assert calls == [(1, 1)]


@pytest.mark.slow
def test_all_broken_images_are_named_at_once_and_the_others_kept(tmp_path: Path) -> None:
    dataset = photos(tmp_path / "p", BATCH + 6)
    for broken in (1, 2, BATCH + 1):
        (tmp_path / "p" / f"{broken}.png").write_bytes(b"<html>")
    (tmp_path / "p" / "4.png").unlink()
    for _ in range(2):
        with pytest.raises(
            DataError, match=f"4 of {BATCH + 6} image files cannot be used"
        ) as error:
            features_of(dataset)
        names = [Path(case.split(": ")[0]).name for case in error.value.more]
        assert names == ["1.png", "2.png", "4.png", f"{BATCH + 1}.png"]
        assert "HTML" in error.value.more[0]
    good = [i for i in range(BATCH + 6) if i not in (1, 2, 4, BATCH + 1)]
    features_of(dataset.take(good), progress=lambda *_: pytest.fail("extracted again"))


@pytest.mark.slow
def test_features_that_are_not_finite_are_refused_and_never_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = photos(tmp_path / "p", 4)
    plain_run = Extractor.forward

    def overflowing(self: Extractor, pixels: torch.Tensor) -> torch.Tensor:
        features = plain_run(self, pixels).clone()
        features[1, 3], features[2, 0] = torch.nan, torch.inf
        return features

    monkeypatch.setattr(Extractor, "forward", overflowing)
    with pytest.raises(DataError, match="not finite for 2 of 4 images") as error:
        features_of(dataset)
    assert error.value.where == "lite0"
    monkeypatch.undo()
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path / "cache"))
    calls: list[tuple[int, int]] = []
    features_of(dataset, progress=lambda done, of: calls.append((done, of)))
    assert calls == [(2, 2)]


@pytest.mark.slow
def test_a_damaged_cache_is_told(tmp_path: Path, cache: Path) -> None:
    dataset = photos(tmp_path / "p", 3)
    features_of(dataset)
    (rows,) = cache.glob("features/*/rows.f32")
    stored = np.memmap(rows, np.float32, "r+")
    stored[5] = np.nan
    stored.flush()
    with pytest.raises(DataError, match="cache of features is damaged") as error:
        features_of(dataset)
    assert error.value.where == str(rows.parent)


def test_a_data_set_without_pixels_or_features_says_what_to_do() -> None:
    labels = Labels(np.zeros((1, 1), np.int8), ("a",), ("x",))
    with pytest.raises(DataError, match="--features"):
        features_of(Dataset(labels))


@pytest.mark.posix
@pytest.mark.slow
def test_a_kill_while_extracting_keeps_whole_batches_and_the_rest_follows(
    tmp_path: Path, python: Python
) -> None:
    count, here = 3 * BATCH, Path(__file__).parent
    dataset = photos(tmp_path / "p", count)
    code = (
        "import os, signal, sys\n"
        f"sys.path[:0] = {[str(here), str(here.parent / 'support')]!r}\n"
        "from pathlib import Path\n"
        "from test_features import photos\n"
        "from alasl.models.features import features_of\n"
        "def kill(done, of):\n"
        "    if done >= 2 * 32: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"features_of(photos(Path(sys.argv[1]), {count}), progress=kill)\n"
    )
    done = python("-c", code, tmp_path / "p")
    assert done.returncode == -signal.SIGKILL
    calls: list[tuple[int, int]] = []
    resumed = np.array(features_of(dataset, progress=lambda d, of: calls.append((d, of))))
    assert calls == [(BATCH, BATCH)]
    os.environ["ALASL_CACHE"] = str(tmp_path / "other")
    np.testing.assert_array_equal(resumed, np.array(features_of(dataset)))


@pytest.mark.parametrize("torn", ["rows.f32", "index"])
def test_a_store_cut_short_anywhere_is_read_and_added_to(tmp_path: Path, torn: str) -> None:
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    digests = [bytes([i]) * 32 for i in range(4)]
    for lost in (1, 5, 11, 13, 33):
        folder = tmp_path / f"{torn}{lost}"
        store = FeatureStore(folder, 3)
        store.append(digests[:2], rows[:2])
        store.append(digests[2:], rows[2:])
        path = folder / torn
        os.truncate(path, path.stat().st_size - lost)
        left = len(store)
        size = 32 if torn == "index" else 12
        assert left == (4 * size - lost) // size
        store.append(digests[left:], rows[left:])
        assert list(store.places()) == digests
        np.testing.assert_array_equal(store.take([0, 1, 2, 3]), rows)
        np.testing.assert_array_equal(store.take([3, 1]), rows[[3, 1]])


def test_processes_add_to_a_store_at_the_same_time(tmp_path: Path, python: Python) -> None:
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from alasl.models.feature_store import FeatureStore\n"
        "store, who = FeatureStore(Path(sys.argv[1]), 3), int(sys.argv[2])\n"
        "(store.folder / str(who)).touch()\n"
        "end = time.monotonic() + 60\n"
        "while not all((store.folder / name).exists() for name in '012'):\n"
        "    assert time.monotonic() < end\n"
        "    time.sleep(0.001)\n"
        "for number in range(40):\n"
        "    row = np.full((1, 3), 100 * who + number, np.float32)\n"
        "    store.append([bytes([who, number]) * 16], row)\n"
    )
    processes = [python.start("-c", code, tmp_path / "store", who) for who in range(3)]
    for process in processes:
        process.communicate()
    store = FeatureStore(tmp_path / "store", 3)
    places = store.places()
    assert len(places) == 3 * 40
    for digest, place in places.items():
        assert (store.take([place]) == 100 * digest[0] + digest[1]).all()


def test_one_waits_for_who_extracts_the_same_images_alone_and_is_told(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(feature_store, "PATIENCE", 0.02)
    mine, other = photos(tmp_path / "mine", 2), photos(tmp_path / "other", 2, seed=1)
    features_of(other)  # so that there is a store
    store = FeatureStore(next(path.parent for path in cache.rglob("index")), 1280)
    contents, _ = digests(mine.paths or ())
    waiting = Thread(target=features_of, args=(mine,))
    with store.working(contents):
        waiting.start()
        assert features_of(photos(tmp_path / "third", 2, seed=2)).shape == (2, 1280)
        while "another process extracts features of these images" not in caplog.text:
            assert waiting.is_alive()
        assert len(store) == 4
        rows = np.ones((2, 1280), np.float32)
        store.append(contents, rows)  # as the one that it waits for would
    waiting.join()
    assert len(store) == 6
    np.testing.assert_array_equal(features_of(mine), rows)


@pytest.mark.slow
def test_cached_features_wait_for_no_network(tmp_path: Path, cache: Path) -> None:
    dataset = photos(tmp_path / "p", 2)
    exact, source = extract(dataset.paths or (), "lite0")
    again = """
import sys
from pathlib import Path
import numpy as np
from alasl.models.features import extract
features, source = extract([Path(name) for name in sys.argv[1:]], "lite0")
assert "timm" not in sys.modules
print(source, features.tolist())
"""
    names = [str(path) for path in dataset.paths or ()]
    program = [sys.executable, "-c", again, *names]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == f"{source} {exact.tolist()}"
    # What is known is no more than a note: without it, or where it says nothing, all is the same.
    (note,) = (cache / "backbones").iterdir()
    note.write_text('{"name": ')
    assert extract(dataset.paths or (), "lite0")[1] == source
    assert remembered("lite0") == source
    assert remembered("lite0@320") is None
    assert remembered("resnet18") is None  # only the hub knows its weights
