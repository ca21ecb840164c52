"""Settings, in parts: what the command line, a TOML file and the Python API all set.

A room takes the part that it reads; a run's settings, and a project's, are of all their parts.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

from alasl.errors import UsageError
from alasl.limits import (
    ANY,
    AT_LEAST_ONE,
    BELOW_HALF,
    BELOW_ONE,
    NATURAL,
    POSITIVE,
    SEVERAL,
    SHARE,
    UP_TO_ONE,
    check_setting,
    setting,
)


@dataclass(frozen=True)
class Seeded:
    """What every part shares: one seed determines everything random.

    heading: over a part's settings in the help of commands.
    """

    heading: ClassVar[str] = ""
    seed: int = setting(0, "determines everything random", limits=NATURAL)

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if "tuple" in str(item.type) and isinstance(value, str | list):
                # As TOML has it, or where there is one.
                made = (value,) if isinstance(value, str) else tuple(value)
                object.__setattr__(self, item.name, made)
        self.check()

    def check(self) -> None:
        """Raise a `UsageError` unless every setting is of its type and in its range."""
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if value is not None:
                check_setting(item, value)

    def to_dict(self) -> dict[str, Any]:
        """The settings that are set, by name; None and no files at all are left out."""
        return {k: v for k, v in dataclasses.asdict(self).items() if v is not None and v != ()}


@dataclass(frozen=True)
class DataSettings(Seeded):
    """Where the data are, and how they are divided."""

    heading: ClassVar[str] = "The data"
    data: str = setting("", "a folder with a table of entries and images/, or a file")
    labels: str | None = setting(None, "the file in DATA that holds the table of entries")
    format: str | None = setting(None, "the table's format, where it is not clear by itself")
    empty: str | None = setting(
        None, "what an empty cell of a CSV means", choices=("unknown", "absent")
    )
    image_folder: str | None = setting(None, "where the image files are [DATA/images]")
    features: str | None = setting(
        None,
        "your own, in place of a backbone's: .npy (N, D) in the table's order, .parquet, or a "
        "folder of either",
    )
    predictions: tuple[str, ...] = setting(
        (),
        "what another model says of the entries, as NAME=FILE or FILE: evidence, no answers; may "
        "be repeated",
    )
    split: str | None = setting(
        None, "a CSV image,split (clean, pool, test; or train, test) [by chance]"
    )
    clean: float = setting(0.1, "share of all images that is fully known at first", limits=SHARE)
    test: float = setting(0.2, "share of all images kept for testing", limits=SHARE)
    near: bool = setting(
        True,
        "keep images that are nearly the same, by features of lite0, in one part: clean set, pool "
        "or test set",
    )

    def check(self) -> None:
        """See `Seeded.check`."""
        super().check()
        if self.clean + self.test >= 1:
            raise UsageError(
                "--clean and --test leave no image for the pool",
                seen=f"{self.clean} + {self.test}",
            )


@dataclass(frozen=True)
class MissingSettings(Seeded):
    """How a simulation makes entries unknown, and how well it answers."""

    heading: ClassVar[str] = "What is hidden in a simulation, and its answers"
    missing: float = setting(
        0.4, "share of the pool's entries that are made unknown", limits=BELOW_ONE
    )
    mechanism: str = setting(
        "uniform",
        "which become unknown: uniform, label, image, positives, or single (takes no --missing)",
    )
    oracle_error: float = setting(
        0.0, "share of wrong answers of the simulated oracle", limits=BELOW_ONE
    )
    oracle_missed: float = setting(
        0.0, "share of presents that the simulated oracle overlooks: absent", limits=BELOW_ONE
    )


@dataclass(frozen=True)
class AskSettings(Seeded):
    """What is asked, and how much in a round."""

    heading: ClassVar[str] = "What is asked"
    strategy: str = setting("variance", "what to ask first: alasl strategies")
    ask: str | None = setting(
        None,
        "ask for all unknown entries of an image, or for single entries; by default what the "
        "strategy scores; tags: images of which people name what is there, and the rest is absent",
        choices=("images", "entries", "tags"),
    )
    rounds: int = setting(
        10,
        "rounds of asking; a project may go on, and strategies that plan ahead go by it",
        limits=NATURAL,
    )
    images: int = setting(50, "images in a round, where images are asked", limits=POSITIVE)
    answers: int = setting(500, "answers in a round, where entries are asked", limits=POSITIVE)
    seconds: float | None = setting(
        None,
        "seconds of people's time in a round, in place of --images or --answers",
        limits=POSITIVE,
    )
    growth: float = setting(
        1.0, "each round asks so many times as many as the one before", limits=AT_LEAST_ONE
    )
    members: int = setting(
        8, "members of the ensemble, for strategies that need one", limits=POSITIVE
    )


@dataclass(frozen=True)
class TimeSettings(Seeded):
    """What people's time costs: see `alasl.seconds`."""

    heading: ClassVar[str] = "People's time"
    by: str | None = setting(
        None,
        "how people answer: in grids of one label, or image by image; by default whichever takes "
        "less time for what is asked",
        choices=("label", "image"),
    )
    open_seconds: float | None = setting(
        None, "seconds for opening an image, once a round [2, or as measured]", limits=NATURAL
    )
    answer_seconds: float | None = setting(
        None, "seconds for an answer of an image that is open [1, or as measured]", limits=POSITIVE
    )
    grid_seconds: float | None = setting(
        None, "seconds for an answer in a grid of one label [1.7, or as measured]", limits=POSITIVE
    )
    tag_seconds: float | None = setting(
        None,
        "seconds for naming a label that is there, where images are tagged [3]",
        limits=POSITIVE,
    )


@dataclass(frozen=True)
class AutoSettings(Seeded):
    """Automatic answers, and judging images by models that did not see them."""

    heading: ClassVar[str] = "Automatic answers"
    auto: float | None = setting(
        None,
        "answer entries automatically too, of each label with at most this share wrong [0: off]",
        limits=BELOW_HALF,
    )
    auto_share: str = setting(
        "both",
        "which shares --auto limits, in each label: of the automatic answers, those that are wrong "
        "(answers); or also (both) of the present entries, those answered absent, and of the "
        "absent ones, those answered present",
        choices=("both", "answers"),
    )
    auto_delta: float = setting(
        0.1,
        "accepted probability, for each label, that more answers are wrong than --auto allows",
        limits=SHARE,
    )
    auto_weight: float = setting(
        0.5, "how much an automatic answer counts in training", limits=UP_TO_ONE
    )
    calibrate: str | None = setting(
        None,
        "known entries that tell how often the model is wrong: questions drawn by chance (audit, "
        "the default of a project), fully known images (clean, the default of a run), or these and "
        "the pool's known entries (known); the last two only if chance chose what is known",
        choices=("audit", "clean", "known"),
    )
    folds: int = setting(
        5,
        "parts that the images are cut into; each is predicted by a model trained on the others",
        limits=SEVERAL,
    )

    def check(self) -> None:
        """See `Seeded.check`."""
        super().check()
        if self.auto == 0:
            object.__setattr__(self, "auto", None)


@dataclass(frozen=True)
class ModelSettings(Seeded):
    """What is trained, and on what."""

    heading: ClassVar[str] = "The model"
    train: str = setting(
        "known",
        "train on the clean set only (the paper), or also on the pool's known entries",
        choices=("clean", "known"),
    )
    assume: str = setting(
        "auto",
        "what an unknown entry is in training: left out (ignore), absent (absent), or (auto) "
        "absent with a small weight in labels of which only presents are known, else left out",
        choices=("auto", "ignore", "absent"),
    )
    model: str = setting(
        "logistic",
        "what is trained: logistic or probe on frozen features, finetune for the whole backbone, "
        "FILE.py:NAME, or a class as sklearn.ensemble:ExtraTreesClassifier",
    )
    backbone: str = setting(
        "lite0", "lite0, lite2, tresnet_m, or any timm model; NAME@320: of images at 320 pixels"
    )
    weights: str | None = setting(
        None, "a file with the backbone's weights [those installed; else the hub's, by --download]"
    )
    loss: str | None = setting(
        None, "what training minimises: alasl losses; by default the model's own"
    )
    epochs: int | None = setting(
        None, "epochs of each training; by default the model's own", limits=POSITIVE
    )
    rate: float | None = setting(None, "learning rate; by default the model's own", limits=POSITIVE)
    batch: int | None = setting(
        None, "images in a training step; by default the model's own", limits=POSITIVE
    )
    decay: float | None = setting(
        None, "weight decay; by default the model's own", limits=BELOW_ONE
    )
    warm_start: bool = setting(
        False, "each round goes on from the last round's weights, not from the pretrained ones"
    )

    thresholds: str = setting(
        "f1",
        "from which probability on a label is called present: f1, that of the best F1; or "
        "precision=0.9, the lowest at which so many of those called present are",
    )

    def check(self) -> None:
        """See `Seeded.check`."""
        super().check()
        self.precision()

    def precision(self) -> float | None:
        """The precision that thresholds are chosen for; None for the best F1."""
        if self.thresholds == "f1":
            return None
        name, _, text = self.thresholds.partition("=")
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if name != "precision" or not 0 < value <= 1:
            raise UsageError(
                "--thresholds must be f1, or precision= and a number above 0 and at most 1",
                seen=repr(self.thresholds),
            )
        return value

    def training(self) -> dict[str, Any]:
        """What is set of a training: of loss, epochs, rate, batch and decay those that are."""
        names = ("loss", "epochs", "rate", "batch", "decay")
        values = {name: getattr(self, name) for name in names}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class LearnerSettings(ModelSettings, AutoSettings, TimeSettings, AskSettings):
    """What an `ActiveLearner` reads."""

    def check(self) -> None:
        """See `Seeded.check`."""
        super().check()
        if self.ask == "tags" and self.by == "label":
            raise UsageError(
                "--ask tags has people name what is in an image, so it goes by image",
                seen="--by label",
                do="leave --by out, or take --ask entries",
            )


@dataclass(frozen=True)
class StopSettings(Seeded):
    """When a simulation ends, and which mAP of a round counts."""

    heading: ClassVar[str] = "When to stop"
    stop_below: float | None = setting(
        None, "advise to stop where 1000 answers bring fewer mAP points than this", limits=ANY
    )
    on_stop: str = setting(
        "advise",
        "where stopping is advised: only say so, or end the run",
        choices=("advise", "end"),
    )
    summary: str = setting(
        "mean",
        "a round's mAP: mean over its epochs (the paper), the last, or the best (flatters: it "
        "picks on the test set)",
        choices=("mean", "last", "best"),
    )


@dataclass(frozen=True, repr=False)
class RunSettings(StopSettings, LearnerSettings, MissingSettings, DataSettings):
    """Everything that determines a run's result; two runs of equal settings are equal."""

    def __repr__(self) -> str:
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        told = {
            item.name: values[item.name]
            for item in dataclasses.fields(self)
            if values[item.name] != item.default
        }
        return f"RunSettings({', '.join(f'{name}={value!r}' for name, value in told.items())})"
