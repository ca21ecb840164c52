"""Figures: stable colours, equal bytes for equal runs, names that may hold anything."""

from __future__ import annotations

import io
import math
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from itertools import combinations

import pytest
from PIL import Image

from alasl.drawing import DPI, GREY, style
from alasl.errors import DataError, UsageError
from alasl.figures import (
    COLOURS,
    LEAST_SPAN,
    MOST_LABELS,
    ap_per_label,
    colour,
    map_per_cost,
    map_per_round,
    run_colours,
    run_names,
    save,
    svg,
    write_figures,
)
from alasl.record import Evaluation, Record, Start
from alasl.settings import RunSettings

HOSTILE = ("_hidden", r"$\frac{$", "</text><script>alert(1)</script>", "a\x00b\ud800\u202e", "日本")


def run(strategy="hard", maps=(28.0, 31.0, 33.5), names=("dog", "cat"), ap=None, **settings):
    """A run of as many rounds as `maps` has after its first."""
    record = Record(
        RunSettings(data="d", strategy=strategy, rounds=len(maps) - 1, images=5, **settings),
        Start(
            data="scenes",
            names=tuple(names),
            sizes={"clean": 10, "pool": 70, "test": 1200},
            unknown=90,
            table="t",
            versions={},
        ),
    )
    for i, value in enumerate(maps):
        values = ap[min(i, 1)] if ap else [float(value)] * len(names)
        record.evaluations.append(Evaluation(i, 5 * i, 700 * i, (value,), tuple(values), 1.0))
    return record


def words(figure):
    return " ".join(ElementTree.fromstring(svg(figure)).itertext())


def contrast(one, other):
    def light(shade):
        parts = [int(shade[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_one_colour_a_strategy_random_always_grey():
    assert colour("random") == GREY
    assert colour("hard+medium:share=0.25") == colour("hard+medium") == COLOURS["hard+medium"]
    assert colour("of-a-plugin") == colour("of-a-plugin:k=1") in COLOURS.values()
    assert len({GREY, *COLOURS.values()}) == len(COLOURS) + 1
    for shade in (GREY, *COLOURS.values()):
        assert contrast(shade, "#ffffff") >= 2.95
        assert contrast(shade, "#15171c") >= 2.95


def test_lines_of_one_colour_differ_in_dash_and_in_marker():
    axes = map_per_round([run(seed=s) for s in range(3)]).axes[0]
    looks = [(line.get_linestyle(), line.get_marker()) for line in axes.get_lines()]
    for one, other in combinations(looks, 2):
        assert all(a != b for a, b in zip(one, other, strict=True))
    assert len({line.get_color() for line in axes.get_lines()}) == 1


def test_no_two_strategies_of_a_page_have_one_colour():
    names = ["random", "hard", "of-a-plugin", "another", "variance", "entry-entropy"]
    shades = run_colours([run(name) for name in names])
    assert len(set(shades)) == len(names)
    assert shades[:2] == [GREY, COLOURS["hard"]]
    assert run_colours([run("variance")]) == [colour("variance")]
    assert run_colours([run("variance", seed=0), run("variance", seed=1)]) == 2 * [
        colour("variance")
    ]


def test_bands_are_the_intervals_and_stay_on_the_axis():
    record = run()
    sure = replace(
        record,
        evaluations=[
            replace(e, interval=(e.map_last - 9, e.map_last + 7)) for e in record.evaluations
        ],
    )
    axes = map_per_cost([sure]).axes[0]
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    for cost, value, (low, high) in zip(sure.costs, sure.maps, sure.intervals, strict=True):
        ends = corners[corners[:, 0] == cost][:, 1]
        assert (min(ends), max(ends)) == pytest.approx((low, high))
        assert low < value < high
    bottom, top = axes.get_ylim()
    assert (
        bottom <= min(low for low, _ in sure.intervals) < max(h for _, h in sure.intervals) <= top
    )


@pytest.mark.slow
def test_axes_say_units_and_titles_say_data_and_n():
    record = run()
    assert "mAP on the test set (%)" in words(map_per_round([record]))
    assert "scenes: hard" in words(map_per_cost([record]))
    assert "2 labels, 1\u00a0200 test images" in words(map_per_cost([record]))
    assert "cost (answers: entries filled)" in words(map_per_cost([record]))
    assert "1\u00a0200 test images" in words(ap_per_label(record))
    (line,) = map_per_cost([record]).axes[0].get_lines()
    assert list(line.get_xdata()) == [0, 700, 1400]
    assert list(line.get_ydata()) == [28.0, 31.0, 33.5]


@pytest.mark.parametrize("maps", [(28.0, 28.1), (99.9, 100.0), (0.0, 0.2), (5, 95), (math.nan,)])
def test_the_map_axis_shows_the_data_and_never_zooms_into_chance(maps):
    low, high = map_per_round([run(maps=maps)]).axes[0].get_ylim()
    assert 0 <= low < high <= 100
    assert high - low >= LEAST_SPAN - 1e-9
    assert all(low <= value <= high for value in maps if not math.isnan(value))


def test_run_names_tell_runs_apart():
    assert run_names([run("random"), run("hard")]) == ["random", "hard"]
    assert run_names([run(seed=0), run(seed=1), run("random", seed=1)]) == [
        "hard, seed 0",
        "hard, seed 1",
        "random",
    ]
    assert run_names([run(model="probe", loss="asl"), run(model="probe", loss="bce")]) == [
        "hard, loss asl",
        "hard, loss bce",
    ]
    assert run_names([run(), run()]) == ["hard (1)", "hard (2)"]


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_drawn_as_it_is(name, tmp_path):
    record = run(strategy=name, names=(name, "cat"))
    record = replace(record, start=replace(record.start, data=name))
    for figure in (map_per_round([record, run()]), map_per_cost([record]), ap_per_label(record)):
        save(figure, tmp_path / "figure.png")
        if name.isprintable():
            assert name in words(figure)
        assert "script" not in [
            e.tag.split("}")[1] for e in ElementTree.fromstring(svg(figure)).iter()
        ]


@pytest.mark.slow
def test_equal_runs_leave_equal_bytes(tmp_path):
    first = write_figures([run()], tmp_path / "1")
    second = write_figures([run()], tmp_path / "2")
    assert [path.name for path in first] == [
        f"{name}.{kind}"
        for name in ("map-per-round", "map-per-cost", "ap-per-label")
        for kind in ("png", "svg")
    ]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    with Image.open(first[0]) as image:
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
    assert "date" not in first[1].read_text().lower()


@pytest.mark.slow
def test_what_is_written_is_what_savefig_would_write(tmp_path):
    figure = map_per_cost([run(), run("random")])
    before = figure.canvas, figure.dpi, figure.get_facecolor()
    save(figure, tmp_path / "ours.png")
    ours = svg(map_per_cost([run(), run("random")]), "none")
    assert (figure.canvas, figure.dpi, figure.get_facecolor()) == before
    # Names inside an SVG depend on what was drawn before.
    figure, theirs = map_per_cost([run(), run("random")]), io.StringIO()
    with style():
        figure.savefig(theirs, format="svg", facecolor="none", metadata={"Date": None})
        figure = map_per_cost([run(), run("random")])
        note = {"Software": None}
        figure.savefig(tmp_path / "theirs.png", facecolor="white", dpi=DPI, metadata=note)
    assert ours == theirs.getvalue()
    assert (tmp_path / "ours.png").read_bytes() == (tmp_path / "theirs.png").read_bytes()


def test_the_users_matplotlibrc_changes_nothing():
    import matplotlib

    plain = svg(map_per_round([run()]))
    with matplotlib.rc_context({"axes.linewidth": 9, "xtick.labelsize": 30}):
        assert svg(map_per_round([run()])) == plain


@pytest.mark.slow
def test_labels_are_sorted_undefined_left_out_and_many_cut_to_those_that_changed_most():
    few = ap_per_label(run(names="abc", ap=[(10, math.nan, 20), (30, math.nan, 20)]))
    assert [t.get_text() for t in few.axes[0].get_yticklabels()] == ["c", "a"]
    assert "2 of 3 labels" in words(few)
    many = [f"n{i}" for i in range(60)]
    rises = [50.0 + i / 2 for i in range(60)]
    figure = ap_per_label(run(names=many, ap=[[50.0] * 60, rises]))
    shown = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert shown == many[60 - MOST_LABELS :]
    assert "the 40 of 60 labels that changed most" in words(figure)


@pytest.mark.slow
def test_bars_of_labels_have_their_intervals():
    record = run(names="abc", ap=[(10, math.nan, 20), (30, math.nan, 20)])
    assert "interval" not in words(ap_per_label(record))
    pairs = ((25.0, 36.0), None, (14.0, 29.0))
    sure = replace(record.evaluations[-1], ap_intervals=pairs)
    figure = ap_per_label(replace(record, evaluations=[*record.evaluations[:-1], sure]))
    drawn = [lines.get_segments() for lines in figure.axes[0].collections]
    ends = [[(x[0][0], x[1][0]) for x in lines] for lines in drawn]
    assert [(14.0, 29.0), (25.0, 36.0)] in ends
    assert "thin line, the bar's 95 % interval" in words(figure)


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(DataError):
        ap_per_label(Record(RunSettings(), run().start))
    with pytest.raises(UsageError, match=r"\.gif"):
        save(map_per_round([run()]), tmp_path / "f.gif")


@pytest.mark.slow
def test_figures_load_matplotlib_only_when_one_is_drawn():
    code = "import sys, alasl.figures, alasl.report, alasl.cli.report; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"matplotlib", "torch", "jinja2"} & set(loaded.stdout.split())
