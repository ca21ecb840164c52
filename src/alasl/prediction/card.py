"""A model's card, in Markdown: what it knows, how it was made and judged, its limits, its use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alasl.counting import counted
from alasl.errors import ConflictError, DataError
from alasl.models.model import Model
from alasl.project.ground import SPOKEN

# By which a card is known again, so that no other file is written over.
MARK = "<!-- model card of ALASL -->"

ESTIMATED = (
    "Not every entry of these images is known: chance drew which ones people were asked, and mAP "
    "over all of them is estimated from that. It speaks for this number of images; of more images "
    "the same model has a lower mAP."
)
REFITTED = (
    "This model has learned from these answers as well, after another had been judged by them, and "
    "should be a little better."
)
TRIED = """ Precision, recall and F1 are of
  thresholds chosen on nine tenths of these images and tried on the tenth, so they hold for new
  images; where there is -, too little is known to try the threshold of that label at all."""
UNTRIED = " There they look better than they will elsewhere."
LIMITS = """\
- It says something of the labels above only, and of each by itself.
- It was judged on images of the data that it was trained with. On images of another kind, place,
  camera or time it may do worse; how much, only images of that kind that people have labelled tell.
- A label of which few present images are known in the table above was hardly judged: its AP and
  its threshold may be far off.
- Thresholds were chosen on the images that the table rests on.{tried}
- Its probabilities are right for data where labels are as common as in its own; where a label is
  rarer or commoner, they are too high or too low."""


def card_path(file: Path) -> Path:
    """Where the card of a model's file is to lie: beside it.

    Raises `ConflictError` where another file, which is no card, lies there.
    """
    path = file.with_suffix(".md")
    if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise ConflictError(
            "the model's card would be written over a file that is none",
            where=str(path),
            do="name the model's file otherwise, or move that file",
        )
    return path


def card(model: Model, name: str) -> str:
    """The card of a model whose file is called `name`, without its ending.

    Raises `DataError` where what the model says of its training makes no sense.
    """
    try:
        made, judged = _made(model, model.about), _judged(model, model.about)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            "what the model's file says of its training makes no sense", seen=repr(error)
        ) from error
    parts = [
        f"# Model card: {name}\n\n{MARK}",
        f"{len(model.names)} labels, each with the probability that it is present in an image.",
        f"## How it was made\n\n{made}",
        f"## How it was judged\n\n{judged}",
        f"## Limits\n\n{LIMITS.format(tried=TRIED if _called(model.about) else UNTRIED)}",
        f"## How to use it\n\n{_use(model, name)}",
    ]
    return "\n\n".join(parts) + "\n"


def _made(model: Model, about: dict[str, Any]) -> str:
    source, settings = model.source, about.get("settings", {})
    lines = [f"- Data: {_text(about.get('data'))}"]
    if "images" in about:
        lines.append(
            f"- Trained on {about['images']} images with {about['entries']} known entries, "
            f"{about['answers']} of them answers that were asked for"
        )
    lines.append(f"- Model: `{model.kind.spec}`. {model.kind.about}")
    if source:
        lines.append(
            f"- Sees: images, by the features ({source.width} numbers) of the backbone "
            f"`{source.name}`, weights `{source.identity}`"
        )
    elif model.size is not None:
        lines.append("- Sees: images, by a backbone whose weights were all trained")
    else:
        lines.append(f"- Sees: features of one's own, {model.width} numbers an image")
    if model.predictions:
        lines.append(
            f"- Learned with the predictions of other models, and needs theirs of new images: "
            f"{', '.join(map(_text, model.predictions))}"
        )
    if model.size is not None:
        lines.append(f"- Images are squished to {model.size} x {model.size} pixels, not cropped")
    if settings:
        lines.append(f"- Asked by: `{settings['strategy']}`, seed {settings['seed']}")
    versions = ", ".join(f"{name} {version}" for name, version in model.versions.items())
    return "\n".join([*lines, f"- Versions: {versions}"])


def _judged(model: Model, about: dict[str, Any]) -> str:
    if "ap" not in about:
        return "It was not judged."
    value, how = about["map"], about["settings"]["thresholds"]
    ap = np.array([np.nan if each is None else each for each in about["ap"]])
    defined, ground = int(np.isfinite(ap).sum()), about.get("ground")
    # A simulation notes no ground; what it was judged on says whether all of it was known.
    sure = _interval(ground["map"] if ground else about.get("interval"))
    intervals = ground["ap"] if ground else about.get("ap_intervals") or [None] * len(ap)
    estimated = bool(ground and not ground["complete"])
    called_so = "mAP is estimated at" if estimated else "mAP is"
    if about["judged on"].startswith("the known entries"):
        called_so = "The mean AP of these is"
    head = (
        f"Judged on {about['judged on']}; no model that saw an image was judged on it. "
        + (
            "Nothing can be said of mAP: no label could be judged."
            if value is None
            else f"{called_so} {value:.1f} %"
            + ("" if sure == "-" else f" (95 % interval {sure})")
            + f" over {defined} of {len(ap)} labels"
            + ("." if defined == len(ap) else "; the others have no AP.")
        )
        + (" " + ESTIMATED if estimated else "")
        + (" " + REFITTED if about.get("refit") and value is not None else "")
        + " A label is called present from its threshold on, "
        + ("which is that of the best F1" if how == "f1" else f"which is chosen for {how}")
        + " on the same images; - means that it cannot be told."
    )
    called = _called(about)
    columns = ["label", "known present", "known absent", "AP (%)", "95 % interval", "threshold"]
    columns += [f"{SPOKEN[name]} (%)" for name in called]
    rows = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    thresholds = np.full(len(ap), np.nan) if model.thresholds is None else model.thresholds
    for column, (label, present, absent, each, pair, threshold) in enumerate(
        zip(
            model.names,
            about["present"],
            about["absent"],
            100 * ap,
            intervals,
            thresholds,
            strict=True,
        )
    ):
        figures = [_number(each, ".1f"), _interval(pair), _number(threshold, ".3g")]
        figures += [_told(each["labels"][column]) for each in called.values()]
        rows.append("| " + " | ".join(map(str, (_text(label), present, absent, *figures))) + " |")
    means = [
        f"{SPOKEN[name]} {_told(each['mean'])} %, over {counted(each['over'], 'label')}"
        for name, each in called.items()
        if each["mean"] is not None
    ]
    if means:
        head += f"\n\nMeans, with 95 % intervals: {'; '.join(means)}."
    return head + "\n\n" + "\n".join(rows)


def _called(about: dict[str, Any]) -> dict[str, Any]:
    """The figures of what is called present, where there are any."""
    found = (about.get("ground") or {}).get("figures") or {}
    return {name: found[name] for name in ("precision", "recall", "f1") if name in found}


def _told(figure: Sequence[float] | None) -> str:
    return "-" if figure is None else f"{figure[0]:.1f} ({_interval(figure[1:])})"


def _interval(pair: Sequence[float] | None) -> str:
    return "-" if pair is None else f"{pair[0]:.1f} to {pair[1]:.1f}"


def _use(model: Model, name: str) -> str:
    sees_images = model.size is not None
    what = "photos" if sees_images else "features.npy"
    argument = repr(what) if sees_images else f"numpy.load({what!r})"
    others = {other: f"{other}.csv" for other in model.predictions}
    more = f", predictions={others}" if others else ""
    options = "".join(f" --predictions {other}={file}" for other, file in others.items())
    parts = [
        f"`{name}.safetensors`, with ALASL:",
        "```python\nimport alasl\n\n"
        f"model = alasl.load('{name}.safetensors')\n"
        f"print(model.names, model.predict_proba({argument}{more}))\n```",
        f"```sh\nalasl predict {name}.safetensors {what}{options} --threshold "
        "--out predictions.csv\n```",
    ]
    if model.estimator.module() is not None and not others:
        taken = "images" if sees_images else "features"
        parts += [
            f"`{name}.onnx`, with any runtime of ONNX. Its metadata hold the labels (`names`), "
            "`thresholds`"
            + (" and how an image is made ready (`size`, `pixels`)" if sees_images else "")
            + ", each as JSON.",
            "```python\nimport onnxruntime\n\n"
            f"session = onnxruntime.InferenceSession('{name}.onnx')\n"
            f"(probabilities,) = session.run(None, {{'{taken}': inputs}})\n```",
        ]
    return "\n\n".join(parts)


def _text(value: object) -> str:
    """A name as text of Markdown, on one line."""
    text = " ".join(str(value).split())
    return "".join("\\" + c if c in "\\`*_{}[]<>#|!" else c for c in text) or "-"


def _number(value: float, form: str) -> str:
    return "-" if np.isnan(value) else format(value, form)
