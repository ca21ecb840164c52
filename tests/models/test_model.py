"""A model's file: whole, of one kind, and no code of others runs; what else is clearly refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import SafetensorError

from alasl.data.dataset import Dataset
from alasl.data.evidence import Evidence
from alasl.data.inputs import Inputs
from alasl.data.opening import make_split
from alasl.errors import AlaslError, ConflictError, DataError, ResourceError, UsageError
from alasl.files import cache_folder
from alasl.labels import Labels
from alasl.models.checkpoint import read_tensors, write_tensors
from alasl.models.model import VERSION, Model
from alasl.models.prepare import prepare
from alasl.models.registry import MODELS, available, foreign, model, resolve
from alasl.settings import RunSettings
from alasl.simulation.run import model_file, simulate

TINY = "test_efficientnet"
NAMES = ("dog", "cat", "Äpfel")
FOREST = "sklearn.ensemble:RandomForestClassifier:n_estimators=3"

# A model of the user's own: how often each label is present.
MINE = """
from dataclasses import dataclass

import numpy as np
import torch

from alasl.models.base import Estimator
from alasl.models.registry import model

@dataclass(frozen=True)
class Settings:
    more: float = 0.0

@model("mine")
class Mine(Estimator):
    "How often each label is present."
    Settings = Settings

    def __init__(self, labels, settings):
        self.labels, self.settings = labels, settings

    def fit(self, inputs, targets, weights=None, *, seed=0, warm_start=False, eval_on=None,
            on_epoch=None):
        self.present = np.nanmean(np.where(targets < 0, np.nan, targets), axis=0)
        self.present = np.clip(self.present, 0.01, 0.99) + self.settings.more
        if on_epoch and eval_on is not None:
            on_epoch(0, self.logits(eval_on))

    def logits(self, inputs):
        said = np.log(self.present / (1 - self.present)).astype(np.float32)
        return np.tile(said, (len(inputs), 1))

    def tensors(self):
        return {"present": torch.from_numpy(self.present)}

    def restore(self, tensors, *, trust=False):
        self.present = tensors["present"].numpy()
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def problem() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((80, 6), dtype=np.float32)
    targets = (features[:, :3] > 0.3).astype(np.int8)
    targets[rng.random(targets.shape) < 0.3] = -1
    return features, targets


@pytest.fixture
def saved(problem: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> Path:
    found = Model.fit(*problem, names=NAMES)
    found.thresholds = np.array([0.25, 0.5, 0.75], np.float32)
    found.about = {"map": 61.5, "judged on": "the test set"}
    found.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def photos(folder: Path, count: int = 24) -> tuple[Path, ...]:
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    paths = tuple(folder / f"{number:02d}.png" for number in range(count))
    for path in paths:
        grid = rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(grid).resize((96, 72), Image.Resampling.BICUBIC).save(path)
    return paths


def altered(path: Path, **card: Any) -> Path:
    """A copy of a model's file that says other things of itself."""
    tensors, about = read_tensors(path)
    other = path.with_name("altered.safetensors")
    write_tensors(other, tensors, about | card)
    return other


# What is kept


def test_all_that_a_model_is_comes_back(
    saved: Path, problem: tuple[np.ndarray, np.ndarray]
) -> None:
    before, found = Model.fit(*problem, names=NAMES), Model.load(saved)
    assert found.names == NAMES
    assert found.kind.spec == "logistic"
    assert found.source is None
    assert found.about == {"map": 61.5, "judged on": "the test set"}
    np.testing.assert_array_equal(found.thresholds, np.array([0.25, 0.5, 0.75], np.float32))
    np.testing.assert_array_equal(found.predict_proba(problem[0]), before.predict_proba(problem[0]))
    assert found.predict_proba(problem[0][:0]).shape == (0, 3)
    before.save(saved)
    assert Model.load(saved).thresholds is None


def test_the_model_takes_its_parameters_and_weights(
    problem: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    found = Model.fit(*problem, names=NAMES, kind="probe:epochs=3:loss=bce")
    found.save(tmp_path / "m.safetensors")
    again = Model.load(tmp_path / "m.safetensors")
    assert again.kind.spec == found.kind.spec == "probe:loss=bce:epochs=3"
    # An entry of weight 0 is as unknown.
    features, targets = problem
    lies = np.where(targets < 0, 1, targets)
    told = Model.fit(features, lies, (targets >= 0).astype(np.float32))
    np.testing.assert_allclose(
        told.predict_proba(features),
        Model.fit(features, targets).predict_proba(features),
        atol=0.01,
    )


def test_features_come_as_an_array_or_as_some_of_inputs(
    saved: Path, problem: tuple[np.ndarray, np.ndarray]
) -> None:
    features, found = problem[0], Model.load(saved)
    rows = np.array([5, 3, 70])
    whole = found.predict_proba(features)
    some = Inputs(features=features).take(rows)
    np.testing.assert_allclose(found.predict_proba(some), whole[rows], atol=1e-6)
    # What goes with the images goes with some of them, too.
    evidence = np.arange(2 * 80 * 3, dtype=np.float32).reshape(2, 80, 3)
    found.predictions = ("clip", "last year's")
    paths = tuple(Path(f"{row}.png") for row in range(80))
    prepared = found.prepare(Inputs(features, paths, Evidence.of(evidence)).take(rows))
    assert [path.stem for path in prepared.files()] == ["5", "3", "70"]
    np.testing.assert_array_equal(prepared.others()[:], evidence[:, rows])


def test_saving_leaves_a_whole_file_or_the_one_before(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, found = saved.read_bytes(), Model.load(saved)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("alasl.models.checkpoint.save_file", full)
    with pytest.raises((AlaslError, OSError)):
        found.save(saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.glob("*model*")] == ["model.safetensors"]


# Images


@pytest.mark.slow
def test_a_model_of_a_backbones_features_takes_files_and_folders(tmp_path: Path) -> None:
    paths = photos(tmp_path / "photos")
    rng = np.random.default_rng(1)
    entries = rng.integers(0, 2, (24, 3)).astype(np.int8)
    labels = Labels(entries, NAMES, tuple(path.name for path in paths))
    settings = RunSettings(data="made", model="logistic")
    prepared = prepare(Dataset(labels, paths), np.arange(24), settings)
    estimator = prepared.kind.estimator(3)
    estimator.fit(prepared.inputs, entries)
    found = Model(NAMES, prepared.kind, estimator, prepared.transform, prepared.source)
    found.save(tmp_path / "m.safetensors")
    # The backbone that ships with ALASL does not travel.
    assert (tmp_path / "m.safetensors").stat().st_size < 10_000_000
    again = Model.load(tmp_path / "m.safetensors")
    assert again.source == prepared.source
    expected = estimator.predict_proba(prepared.inputs)
    np.testing.assert_allclose(again.predict_proba(tmp_path / "photos"), expected, atol=1e-6)
    np.testing.assert_allclose(again.predict_proba(paths[3:5]), expected[3:5], atol=1e-6)
    np.testing.assert_allclose(again.predict_proba(str(paths[7])), expected[7:8], atol=1e-6)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no images here"):
        again.predict_proba(tmp_path / "empty")
    with pytest.raises(DataError, match=r"nowhere\.png"):
        again.predict_proba([tmp_path / "nowhere.png"])
    assert again.source is not None
    other = replace(again.source, identity="tf_efficientnet_lite0:other")
    again = replace(again, source=other, _backbone=None)
    with pytest.raises(DataError, match="the backbone's weights here are not those"):
        again.predict_proba(paths)


@pytest.fixture
def run(tmp_path: Path) -> tuple[Path, tuple[Path, ...]]:
    """The model's file of a run on a backbone that does not ship, and the run's images."""
    paths = photos(tmp_path / "photos")
    entries = np.random.default_rng(1).integers(0, 2, (24, 3)).astype(np.int8)
    dataset = Dataset(Labels(entries, NAMES, tuple(path.name for path in paths)), paths)
    settings = RunSettings(
        data="made", backbone=TINY, weights="none", rounds=1, answers=3, clean=0.3, test=0.3
    )
    assert len(make_split(dataset, settings).test)
    simulate(settings, tmp_path / "run", dataset=dataset)
    return model_file(tmp_path / "run", 1), paths


@pytest.mark.slow
def test_a_backbone_that_does_not_ship_travels_with_the_model(
    run: tuple[Path, tuple[Path, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, paths = run
    found = Model.load(file)
    assert found.source is not None
    assert found.source.name == TINY
    expected = found.predict_proba(paths)
    # Nothing is fetched, and what is cached under another name is not taken.
    monkeypatch.setenv("ALASL_CACHE", str(cache_folder() / "new"))
    again = Model.load(file)
    np.testing.assert_array_equal(again.predict_proba(paths), expected)
    again.save(file.with_name("again.safetensors"))
    np.testing.assert_array_equal(
        Model.load(file.with_name("again.safetensors")).predict_proba(paths), expected
    )


@pytest.mark.slow
def test_weights_that_came_with_a_model_spoil_no_cache(
    run: tuple[Path, tuple[Path, ...]],
) -> None:
    """A file may say that its weights are others' weights; features go by what they are."""
    file, paths = run
    expected = Model.load(file).predict_proba(paths)
    tensors, about = read_tensors(file)
    for name, tensor in tensors.items():
        if name.startswith("backbone.") and tensor.is_floating_point():
            tensors[name] = tensor + 0.01
    write_tensors(file.with_name("liar.safetensors"), tensors, about)
    liar = Model.load(file.with_name("liar.safetensors"))
    assert (liar.predict_proba(paths) != expected).any()
    np.testing.assert_array_equal(Model.load(file).predict_proba(paths), expected)


# What is refused


def test_images_of_the_wrong_kind_are_refused(
    saved: Path, problem: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    found = Model.load(saved)
    with pytest.raises(DataError, match=r"another width than the model's; seen: \(80, 5\)"):
        found.predict_proba(problem[0][:, :5])
    with pytest.raises(DataError, match=r"one row for each image; seen: shape \(6,\)"):
        found.predict_proba(problem[0][0])
    with pytest.raises(UsageError, match="features of your own"):
        found.predict_proba(photos(tmp_path / "photos", 2))
    broken = problem[0].copy()
    broken[7, 2] = np.nan
    with pytest.raises(DataError, match="row 7"):
        found.predict_proba(broken)
    kind = resolve("finetune")
    looking = replace(found, kind=kind)
    with pytest.raises(UsageError, match="looks at image files"):
        looking.predict_proba(problem[0])


@pytest.mark.parametrize("damage", ["cut", "half", "head", "text", "empty", "folder", "none"])
def test_a_damaged_file_is_refused(saved: Path, damage: str) -> None:
    content, path = saved.read_bytes(), saved.with_name("other.safetensors")
    if damage == "folder":
        path.mkdir()
    elif damage != "none":
        path.write_bytes(
            {
                "cut": content[:-1],
                "half": content[: len(content) // 2],
                "head": content[:9],
                "text": b"not a model",
                "empty": b"",
            }[damage]
        )
    with pytest.raises(DataError, match=r"other\.safetensors") as caught:
        Model.load(path)
    # The file may be anything of the user's: nothing says to remove it.
    assert "remove" not in str(caught.value)


def test_another_kind_of_file_is_refused(saved: Path) -> None:
    from safetensors.torch import save_file

    path = saved.with_name("other.safetensors")
    write_tensors(path, {"weights": torch.zeros(2)}, {"epochs": 3})
    with pytest.raises(DataError, match=r"other\.safetensors: this file is no model of ALASL's"):
        Model.load(path)
    save_file({"weights": torch.zeros(2)}, path)
    with pytest.raises(DataError, match=r"other\.safetensors: this is no file of ALASL's"):
        Model.load(path)
    save_file({"weights": torch.zeros(2)}, path, {"alasl": json.dumps(["a", "list"])})
    with pytest.raises(DataError, match=r"other\.safetensors"):
        Model.load(path)


def test_a_newer_version_is_refused(saved: Path) -> None:
    with pytest.raises(
        ConflictError, match=r"altered\.safetensors(.|\n)*newer ALASL(.|\n)*upgrade"
    ):
        Model.load(altered(saved, version=VERSION + 1))


@pytest.mark.parametrize(
    "card",
    [
        {"names": ["dog", "cat"]},
        {"names": [*NAMES, "owl"]},
        {"names": None},
        {"model": None},
        {"model": "logistics"},
        {"model": "logistic", "parameters": {"spred": 3}},
        {"parameters": None, "model": 3},
        {"version": "one"},
        {"version": None},
        {"source": {"name": "lite0"}},
        {"source": 7},
    ],
    ids=str,
)
def test_a_file_that_contradicts_itself_is_refused(saved: Path, card: dict[str, Any]) -> None:
    with pytest.raises(AlaslError, match=r"altered\.safetensors: "):
        Model.load(altered(saved, **card))


@pytest.mark.parametrize("lost", ["estimator.weights", "estimator.bias", "transform.scale"])
def test_a_file_that_lacks_a_part_is_refused(saved: Path, lost: str) -> None:
    tensors, about = read_tensors(saved)
    del tensors[lost]
    write_tensors(saved, tensors, about)
    with pytest.raises(DataError, match=r"model\.safetensors"):
        Model.load(saved)


def test_thresholds_are_one_a_label(saved: Path) -> None:
    tensors, about = read_tensors(saved)
    tensors["thresholds"] = torch.zeros(2)
    write_tensors(saved, tensors, about)
    with pytest.raises(DataError, match="a threshold for each label"):
        Model.load(saved)


# Code of others


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module and a file that leave a mark where they are run; the mark."""
    mark = tmp_path / "ran"
    code = f"open({str(mark)!r}, 'w').close()\n"
    (tmp_path / "trap_of_a_stranger.py").write_text(code)
    package = tmp_path / "trapped"
    package.mkdir()
    (package / "__init__.py").write_text(code)
    (package / "inner.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield mark  # type: ignore[misc]
    for name in ("trap_of_a_stranger", "trapped", "trapped.inner"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    "spec",
    [
        "trap_of_a_stranger:Model",
        "trapped:Model",
        "trapped.inner:Model",
        "{}/trap_of_a_stranger.py:m",
    ],
)
def test_a_strangers_file_runs_no_code_without_trust(saved: Path, trap: Path, spec: str) -> None:
    spec = spec.format(trap.parent)
    path = altered(saved, model=spec)
    with pytest.raises(UsageError, match=r"altered\.safetensors(.|\n)*would run code") as caught:
        Model.load(path)
    assert spec.rpartition(":")[0] in str(caught.value)
    assert not trap.exists()
    # With trust it does: the trap works.
    with pytest.raises(AlaslError):
        Model.load(path, trust=True)
    assert trap.exists()


@pytest.mark.parametrize("spec", ["os:system", "os.path:join", "subprocess:Popen", "builtins:eval"])
def test_what_is_no_model_at_all_is_not_called(saved: Path, spec: str) -> None:
    path = altered(saved, model=spec, parameters={})
    with pytest.raises(UsageError, match="would run code"):
        Model.load(path)
    with pytest.raises(UsageError, match="must have fit and predict_proba"):
        Model.load(path, trust=True)


def test_types_of_others_in_a_scikit_learn_model_need_trust(
    problem: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    found = Model.fit(*problem, kind="sklearn.gaussian_process:GaussianProcessClassifier")
    found.save(tmp_path / "m.safetensors")
    with pytest.raises(UsageError, match=r"m\.safetensors(.|\n)*kernels"):
        Model.load(tmp_path / "m.safetensors")
    again = Model.load(tmp_path / "m.safetensors", trust=True)
    np.testing.assert_array_equal(again.predict_proba(problem[0]), found.predict_proba(problem[0]))


def test_a_damaged_scikit_learn_model_is_refused(
    problem: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    Model.fit(*problem, kind=FOREST).save(path)
    tensors, about = read_tensors(path)
    for bad in (tensors["estimator.skops"][:-50], torch.zeros(10, dtype=torch.uint8)):
        write_tensors(path, {**tensors, "estimator.skops": bad}, about)
        with pytest.raises(DataError, match=r"m\.safetensors: the model's file is damaged"):
            Model.load(path)
    Model.fit(*problem, kind=FOREST).save(path)
    with pytest.raises(DataError, match="another number of labels"):
        Model.load(altered(path, names=["one", "two"]))


@pytest.mark.parametrize(
    ("spec", "runs"),
    [
        *((kind.name, None) for kind in available()),
        ("probe:epochs=3", None),
        ("probe:epochs", None),
        ("sklearn.svm:SVC", None),
        ("sklearn.svm:SVC:probability=True", None),
        ("nothing", None),
        ("lightgbm:LGBMClassifier", "lightgbm:LGBMClassifier"),
        ("lightgbm:LGBMClassifier:n_estimators=9", "lightgbm:LGBMClassifier"),
        ("sklearnex.svm:SVC", "sklearnex.svm:SVC"),
        ("os:system", "os:system"),
    ],
)
def test_it_is_told_what_code_of_others_a_spec_runs(spec: str, runs: str | None) -> None:
    assert foreign(spec) == runs


def test_a_file_of_code_is_told_by_its_whole_path(tmp_path: Path) -> None:
    assert foreign(f"{tmp_path}/../{tmp_path.name}/mine.py:mine:more=1") == str(
        tmp_path / "mine.py"
    )


# Names


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry of this test's own, so that its models are gone afterwards."""
    available()
    for name in ("_parts", "_origins"):
        monkeypatch.setattr(MODELS, name, dict(getattr(MODELS, name)))


@pytest.mark.usefixtures("scratch")
def test_a_file_of_the_users_is_a_model(
    problem: tuple[np.ndarray, np.ndarray],
    tmp_path: Path,
    make_dataset: Callable[..., Dataset],
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    spec = f"{tmp_path}/mine.py:mine"
    found = resolve(f"{spec}:more=0.005")
    assert found.spec == f"{spec}:more=0.005"
    assert found.about == "How often each label is present."
    fitted = Model.fit(*problem, kind=f"{spec}:more=0.005")
    known = problem[1] >= 0
    often = (problem[1] == 1).sum(axis=0) / known.sum(axis=0)
    np.testing.assert_allclose(fitted.predict_proba(problem[0])[3], often + 0.005, rtol=1e-5)
    path = tmp_path / "m.safetensors"
    fitted.save(path)
    with pytest.raises(UsageError, match=r"mine\.py"):
        Model.load(path)
    again = Model.load(path, trust=True)
    np.testing.assert_array_equal(again.predict_proba(problem[0]), fitted.predict_proba(problem[0]))
    # A run of it, and going on with one.
    settings = RunSettings(data="made", model=spec, strategy="random", rounds=1, images=5)
    record = simulate(settings, tmp_path / "run", dataset=make_dataset())
    assert len(record.evaluations) == 2


@pytest.mark.usefixtures("scratch")
def test_a_file_that_is_none_or_broken_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file of models"):
        resolve(f"{tmp_path}/nowhere.py:mine")
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(
        UsageError, match=r"broken\.py: the models cannot be loaded(.|\n)*ZeroDivision"
    ):
        resolve(f"{tmp_path}/broken.py:mine")
    (tmp_path / "other.py").write_text(MINE)
    with pytest.raises(UsageError, match="there is no model"):
        resolve(f"{tmp_path}/other.py:yours")
    (tmp_path / "twice.py").write_text(MINE.replace('"mine"', '"probe"'))
    with pytest.raises(UsageError, match="two models are named 'probe'"):
        resolve(f"{tmp_path}/twice.py:probe")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("logistik", "did you mean 'logistic'"),
        ("head", "it is called 'probe' now"),
        (
            "",
            r"curriculum, exposure, finetune, logistic, probe, ranking, FILE.py:NAME, "
            r"FILE.py:CLASS, MODULE:CLASS",
        ),
        ("probe:epoch=3", r"epochs=20 \(int\)"),
        ("probe:epochs", "no such parameter"),
        ("probe:epochs=many", "epochs must be int"),
        ("probe:loss=bcee", "did you mean 'bce'"),
        ("sklearn.svm", "MODULE:CLASS"),
        ("sklearn.svm:SVM", "no such class"),
        ("sklearn.svms:SVC", "no such class"),
        (":SVC", "there is no model ''"),
        (".svm:SVC", "no such class"),
        ("sklearn.svm:LinearSVC", r"fit and predict_proba(.|\n)*CalibratedClassifierCV"),
        ("sklearn.ensemble:RandomForestClassifier:trees=9", "n_estimators=100"),
    ],
)
def test_a_bad_name_says_what_would_do(spec: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        resolve(spec)


def test_settings_of_a_training_are_the_models_or_refused() -> None:
    assert resolve("probe", {"epochs": 3}).spec == "probe:epochs=3"
    with pytest.raises(UsageError, match="did you mean 'hill'"):
        resolve("probe", {"loss": "hil"})
    with pytest.raises(UsageError, match="batch must be more than 0"):
        resolve("finetune", {"batch": 0})
    with pytest.raises(UsageError, match=r"'logistic' has no epochs(.|\n)*it has spread"):
        resolve("logistic", {"epochs": 3})


def test_a_parameter_that_a_class_refuses_is_told(problem: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(UsageError, match="LogisticRegression cannot be trained so"):
        Model.fit(*problem, kind="sklearn.linear_model:LogisticRegression:C=-1")


@pytest.mark.usefixtures("scratch")
def test_two_models_of_one_name_are_refused() -> None:
    from alasl.models.estimators.logistic import Logistic

    model("logistic")(Logistic)  # the same again is no other
    with pytest.raises(UsageError, match="two models are named 'logistic'"):

        @model("logistic")
        class Other(Logistic):
            """Another."""

    assert resolve("logistic").source is Logistic


def test_a_full_disk_is_said_where_a_model_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise SafetensorError("Error while serializing: No space left on device (os error 28)")

    monkeypatch.setattr("alasl.models.checkpoint.save_file", full)
    with pytest.raises(ResourceError, match="No space left"):
        write_tensors(tmp_path / "model.safetensors", {}, {})
    assert list(tmp_path.iterdir()) == []
