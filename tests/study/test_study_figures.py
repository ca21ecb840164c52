"""A study's figures: Random there and grey, intervals over seeds, n, identical runs, any grid."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from alasl.drawing import GREY
from alasl.errors import DataError, UsageError
from alasl.figures import COLOURS, svg
from alasl.metrics import map_at_cost
from alasl.study.figures import (
    KINDS,
    MOST_LINES,
    check_plots,
    draw,
    draw_all,
    plots_of,
    write_figures,
)
from alasl.study.spec import Plot
from alasl.study.stats import interval


def words(figure):
    return " ".join(ElementTree.fromstring(svg(figure)).itertext()).replace("\u00a0", " ")


def plot(kind, grid="strategies", title="", **where):
    return Plot("f", kind, grid, title, where)


def named(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def rows(figure):
    """Of a chart of dots: each row's name with its place, low and high, in each panel."""
    names = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    found = {}
    for panel, axes in enumerate(figure.axes):
        for name, bar in zip(names, axes.containers, strict=True):
            (segment,) = bar.lines[2][0].get_segments()
            place = bar.lines[0].get_xdata()[0]
            found.setdefault(name, {})[panel] = (place, *segment[:, 0])
    return found


@pytest.fixture(scope="module")
def results(paper, make_results):
    return make_results(paper, seeds=4)


def of_seeds(results, value, strategy, missing=0.4, grid="strategies"):
    return [value(run) for run in results.select(grid, missing=missing, strategy=strategy)]


@pytest.mark.slow
def test_every_figure_of_the_paper_is_drawn_alike_each_time(results, tmp_path):
    drawn = draw_all(results)
    check_plots(results.study)
    assert [p.file for p, _ in drawn] == [p.file for p in results.study.plots]
    paths = write_figures(drawn[:3], tmp_path / "1")
    redrawn = [(p, draw(results, p)) for p, _ in drawn[:3]]
    again = write_figures(redrawn, tmp_path / "2")
    assert [p.name for p in paths][:2] == ["figure-2.png", "figure-2.svg"]
    for one, other in zip(paths, again, strict=True):
        assert one.read_bytes() == other.read_bytes()
    for p, figure in drawn:
        said = words(figure)
        assert "corel5k, 4 999 images, 80 labels" in said
        assert "n = 4 seeds" in said
        assert "95 % interval" in said
        assert ("40 %" in said) == (p.where.get("missing") == 0.4)
        assert p.title in said
        assert all(axes.get_xlabel() or axes.get_ylabel() for axes in figure.axes)


@pytest.mark.slow
def test_lines_are_means_over_seeds_with_their_interval(results):
    figure = draw(results, plot("map-per-round", missing=0.4))
    above, below = figure.axes
    lines = named(above)
    assert lines["random"].get_color() == GREY
    assert lines["hard+entropy"].get_color() == COLOURS["hard+entropy"]
    maps = np.array(of_seeds(results, lambda run: run.maps, "entropy"))
    assert list(lines["entropy"].get_ydata()) == pytest.approx(list(maps.mean(axis=0)))
    lead = maps - np.array(of_seeds(results, lambda run: run.maps, "random"))
    assert list(named(below)["entropy"].get_ydata()) == pytest.approx(list(lead.mean(axis=0)))
    assert not any(named(below)["random"].get_ydata())
    low, high = above.get_ylim()
    whole = [interval(maps[:, place]) for place in range(maps.shape[1])]
    assert low < min(f.low for f in whole) < max(f.high for f in whole) < high
    last = interval(lead[:, -1])
    ends = [band.get_paths()[0].vertices for band in below.collections]
    assert any(
        np.isclose(path, [10, last.low]).all(1).any()
        and np.isclose(path, [10, last.high]).all(1).any()
        for path in ends
    )


@pytest.mark.slow
def test_over_cost_the_lead_is_at_the_same_cost(results):
    below = draw(results, plot("map-per-cost", missing=0.4)).axes[1]
    hard = results.select("strategies", missing=0.4, strategy="hard")
    random = results.select("strategies", missing=0.4, strategy="random")
    line = named(below)["hard"]
    assert list(line.get_xdata()) == hard[0].costs
    expected = [
        h.maps[5] - map_at_cost(r.costs, r.maps, h.costs[5])
        for h, r in zip(hard, random, strict=True)
    ]
    assert line.get_ydata()[5] == pytest.approx(np.mean(expected))
    assert math.isnan(line.get_ydata()[-1])  # Random has not gone as far


@pytest.mark.slow
def test_identical_runs_take_turns_and_are_named(results):
    figure = draw(results, plot("map-per-round", missing=0.2))
    assert "identical in every seed: medium, hard, hard+medium" in words(figure)
    lines = [named(figure.axes[0])[name] for name in ("medium", "hard", "hard+medium")]
    dashes = [line._dash_pattern for line in lines]
    assert len({offset for offset, _ in dashes}) == 3
    for offset, (on, off) in dashes:
        assert off == pytest.approx(2 * on)
        assert offset % on == pytest.approx(0)
    assert sorted(line.get_markevery() for line in lines) == [(0, 3), (1, 3), (2, 3)]
    assert "identical" not in words(
        draw(results, plot("map-per-round", missing=0.2, strategy="hard"))
    )


def test_dots_are_means_and_leads_over_random(results):
    shown = rows(draw(results, plot("map-final", missing=0.4)))
    assert next(iter(shown)) == "random"
    maps = np.array(of_seeds(results, lambda run: run.maps[-1], "hard+entropy"))
    base = np.array(of_seeds(results, lambda run: run.maps[-1], "random"))
    for panel, values in ((0, maps), (1, maps - base)):
        known = interval(values)
        assert shown["hard+entropy"][panel] == pytest.approx((known.mean, known.low, known.high))
    assert shown["random"][1] == pytest.approx((0, 0, 0))


@pytest.mark.slow
def test_the_fixed_cost_is_what_all_reach_or_is_given(results):
    figure = draw(results, plot("map-at-cost", missing=0.4))
    assert "16 000 answers" in words(figure)
    at = of_seeds(results, lambda run: map_at_cost(run.costs, run.maps, 16000), "hard")
    assert rows(figure)["hard"][0][0] == pytest.approx(np.mean(at))
    assert "mAP at 8 000 answers" in words(
        draw(results, plot("map-at-cost:answers=8000", missing=0.4))
    )
    far = draw(results, plot("map-at-cost:answers=17000", missing=0.4))
    assert words(far).count("not reached in every seed") == 2  # Random and entropy
    assert [len(axes.containers) for axes in far.axes] == [6]  # no lead over what is not reached
    (axes,) = draw(results, plot("map-at-cost:answers=99999", missing=0.4)).axes
    assert not len(axes.get_xticks())


def test_i_is_told_per_1000_answers(results):
    figure = draw(results, plot("increase", missing=0.4))
    assert "mAP points per 1 000 answers" in words(figure)
    rates = of_seeds(results, lambda r: 1000 * (r.maps[-1] - r.maps[0]) / r.costs[-1], "random")
    assert rows(figure)["random"][0][0] == pytest.approx(np.mean(rates))


def test_gain_over_what_asks_nothing_is_paired(results):
    figure = draw(results, plot("gain-by-missing", strategy="hard+entropy"))
    above, below = figure.axes
    assert {"hard+entropy", "random"} < set(named(above))
    assert {"nothing asked, assume ignore", "nothing asked, assume absent"} < set(named(above))
    ours = of_seeds(results, lambda run: run.maps[-1], "hard+entropy", missing=0.6)
    theirs = [r.maps[-1] for r in results.select("noisy", missing=0.6, assume="ignore")]
    gain = interval(np.subtract(ours, theirs))
    (low, high) = below.containers[0].lines[2][0].get_segments()[-1][:, 1]
    assert (low, high) == pytest.approx((gain.low, gain.high))


def test_random_joins_from_another_grid_and_only_where_all_else_is_equal(results):
    shown = rows(draw(results, plot("map-final", "splits", missing=0.4)))
    assert list(shown) == [
        "random",
        *(f"hard+medium:share={s}" for s in (0.1, 0.25, 0.5, 0.75, 0.9)),
    ]
    bare = replace(results, runs=tuple(r for r in results.runs if r.grid == "splits"))
    figure = draw(bare, plot("map-final", "splits", missing=0.4))
    assert len(figure.axes) == 1
    assert "random" not in rows(figure)


@pytest.mark.slow
def test_a_lead_is_over_the_random_that_is_equal_in_all_else(results):
    shown = rows(draw(results, plot("map-final")))
    for missing in (0.2, 0.6):
        maps = np.array(of_seeds(results, lambda run: run.maps[-1], "entropy", missing))
        base = np.array(of_seeds(results, lambda run: run.maps[-1], "random", missing))
        assert shown[f"entropy, missing {missing}"][1][0] == pytest.approx(np.mean(maps - base))
        assert shown[f"random, missing {missing}"][1] == pytest.approx((0, 0, 0))
    lines = named(draw(results, plot("map-per-round")).axes[1])
    last = of_seeds(results, lambda run: run.maps[-1], "hard", 0.6)
    base = of_seeds(results, lambda run: run.maps[-1], "random", 0.6)
    assert lines["hard, missing 0.6"].get_ydata()[-1] == pytest.approx(
        np.mean(np.subtract(last, base))
    )


def test_any_grid_can_be_drawn(make_study, make_results):
    study = make_study(
        seeds=2,
        grid=[
            {
                "name": "g",
                "model": "probe",
                "loss": ["asl", "bce"],
                "clean": [0.1, 0.2],
                "strategy": "hard",
            }
        ],
    )
    results = make_results(study)
    drawn = draw_all(results)
    assert [p.kind for p, _ in drawn] == ["map-final", "map-per-cost"]
    assert set(rows(drawn[0][1])) == {
        f"clean {c}, loss {loss}" for c in (0.1, 0.2) for loss in ("asl", "bce")
    }
    by = draw(results, plot("map-by:setting=clean", "g"))
    assert {"loss asl", "loss bce"} < set(named(by.axes[0]))
    assert list(named(by.axes[0])["loss asl"].get_xdata()) == [0.1, 0.2]
    dashes = {line.get_linestyle() for name, line in named(by.axes[0]).items() if "loss" in name}
    assert len(dashes) == 2
    assert (
        len({line.get_marker() for name, line in named(by.axes[0]).items() if "loss" in name}) == 2
    )
    many = make_study(grid=[{"name": "g", "images": list(range(1, MOST_LINES + 2))}])
    assert [p.kind for p in plots_of(many)] == ["map-final"]


@pytest.mark.slow
def test_partial_results_are_shown_and_say_so(paper, make_results):
    partial = make_results(
        paper, seeds=3, missing=lambda _, s: (s.seed and s.strategy == "hard") or s.missing == 0.6
    )
    some = tuple(p for p in paper.plots if p.file in ("figure-3a", "figure-5a"))
    partial = replace(partial, study=replace(partial.study, plots=some))
    drawn = {p.file: figure for p, figure in draw_all(partial)}
    assert "n = 1 to 3 seeds" in words(drawn["figure-3a"])
    assert "unfinished" in words(drawn["figure-3a"])
    assert "figure-5a" not in drawn


@pytest.mark.parametrize("kind", KINDS)
def test_one_seed_has_no_interval_and_no_run_no_figure(paper, make_results, results, kind):
    alone = words(draw(make_results(paper, seeds=1), plot(kind)))
    assert "n = 1 seed" in alone
    assert "interval" not in alone
    with pytest.raises(DataError):
        draw(results, plot(kind, missing=0.5))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "map-per-rund"}, "did you mean 'map-per-round'"),
        ({"kind": "nothing like it"}, "there are: gain-by-missing"),
        ({"kind": "map-by:setting=strategy"}, "or clean or test or missing or"),
        ({"kind": "map-final:8000"}, "it has no parameters"),
        ({"kind": "map-per-cost:axis=lin"}, "axis must be linear or log"),
        ({"kind": "map-at-cost:answers=many"}, "answers must be int from 0"),
        ({"file": "../up"}, "a name, without folder"),
        ({"where": {"mising": 0.2}}, "did you mean 'missing'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_any_run(paper, change, says):
    study = replace(paper, plots=(replace(paper.plots[0], **change),))
    with pytest.raises(UsageError, match=r"paper: \[\[figure\]\] 1") as error:
        check_plots(study)
    assert says in str(error.value)


def test_figures_without_runs_are_refused(results, make_study, make_results):
    for kind in ("map-at-cost", "increase"):
        with pytest.raises(DataError, match="asks"):
            draw(results, plot(kind, "noisy"))
    own = make_results(make_study(grid=[{"name": "strategies", "missing": [0.2, 0.4]}]))
    with pytest.raises(DataError, match="rounds = 0"):
        draw(own, plot("gain-by-missing"))
    two = replace(own.study, plots=(plot("map-final"), plot("increase")))
    with pytest.raises(UsageError, match="two figures have one file"):
        check_plots(two)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["_hidden", r"$\frac{$", "<b>&", "日本"])
def test_any_name_is_drawn_as_it_is(results, name):
    hostile = replace(results, data=name)
    for kind in ("map-per-round", "map-final", "map-by"):
        said = words(
            draw(hostile, plot(kind, title=name, **({} if "by" in kind else {"missing": 0.4})))
        )
        assert said.count(name) == 2
