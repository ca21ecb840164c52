"""The names beside a chart: in the order of the lines' ends, none on another, however many."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.optimize import minimize

from alasl.drawing import style
from alasl.study.figures import draw
from alasl.study.figures.charts.names import name_ends, spread
from alasl.study.figures.lines import lines_of, shades
from alasl.study.spec import Plot

heights = st.lists(st.floats(0, 5), min_size=1, max_size=12)


@given(heights, st.randoms(use_true_random=False))
def test_labels_stay_apart_in_order_and_within(wanted, random):
    wanted = np.sort(wanted)[::-1]
    sizes = np.array([random.uniform(0.1, 0.4) for _ in wanted])
    places = spread(wanted, sizes, 0.0, 5.0)
    tops, feet = places + sizes / 2, places - sizes / 2
    assert tops.max() <= 5 + 1e-9
    assert feet.min() >= -1e-9
    assert (feet[:-1] >= tops[1:] - 1e-9).all()


@pytest.mark.parametrize("seed", range(5))
def test_labels_are_as_near_as_can_be(seed):
    rng = np.random.default_rng(seed)
    wanted = np.sort(rng.uniform(0, 2, 6))[::-1]
    sizes = rng.uniform(0.1, 0.3, 6)
    least = minimize(
        lambda places: ((places - wanted) ** 2).sum(),
        np.linspace(1.8, 0.2, 6),
        constraints=[
            {"type": "ineq", "fun": lambda p: p[:-1] - p[1:] - (sizes[:-1] + sizes[1:]) / 2},
            {"type": "ineq", "fun": lambda p: 2 - sizes[0] / 2 - p[0]},
            {"type": "ineq", "fun": lambda p: p[-1] - sizes[-1] / 2},
        ],
    ).x
    np.testing.assert_allclose(spread(wanted, sizes, 0, 2), least, atol=1e-3)


def test_labels_with_room_stay_where_they_are():
    wanted = np.array([3.0, 2.0, 1.0])
    np.testing.assert_allclose(spread(wanted, np.full(3, 0.5), 0, 4), wanted)


@pytest.fixture(scope="module")
def crowded(make_study, make_results):
    """Fifteen ways to train, which ask nothing and end close together."""
    rates = [n / 1000 for n in range(1, 16)]
    study = make_study(
        seeds=2,
        run={"strategy": "random", "rounds": 0},
        grid=[{"name": "g", "rate": rates, "missing": [0.2, 0.4, 0.6]}],
    )
    return make_results(study, last=lambda s, made_up: made_up + 10 * s.rate)


@pytest.mark.slow
def test_fifteen_lines_are_named_apart_and_told_apart(crowded):
    figure = draw(crowded, Plot("f", "map-by", "g", "", {}))
    (axes,) = figure.axes
    figure.draw_without_rendering()
    renderer = FigureCanvasAgg(figure).get_renderer()
    found = {text.get_text(): text.get_window_extent(renderer) for text in axes.texts}
    found.pop("", None)
    ends = {f"rate {n / 1000:g}": n for n in range(1, 16)}
    boxes = sorted(found.items(), key=lambda item: -item[1].y0)
    assert [name for name, _ in boxes] == sorted(ends, key=lambda name: -ends[name])
    for (_, above), (_, below) in pairwise(boxes):
        assert above.y0 >= below.y1
    width, height = figure.get_size_inches() * figure.dpi
    chart = axes.get_window_extent()
    for _, box in boxes:
        assert chart.x1 < box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height
    drawn = [line for line in axes.get_lines() if line.get_label() in ends]
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in drawn}
    assert len(looks) == len(drawn) == 15


def test_names_leave_the_charts_where_they_are():
    with style():
        figure = Figure(figsize=(5, 4))
        charts = figure.subplots(2, 1)
        lines = [charts[0].plot([0, 1], [0, 0.001 * n], label=f"a line {n}")[0] for n in range(12)]
        figure.draw_without_rendering()
        before = [c.get_position().bounds * np.tile(figure.get_size_inches(), 2) for c in charts]
        name_ends(figure, charts, lines)
        figure.draw_without_rendering()
        after = [c.get_position().bounds * np.tile(figure.get_size_inches(), 2) for c in charts]
    np.testing.assert_allclose(after, before, atol=0.02)


def test_few_lines_of_a_strategy_keep_its_colour_and_many_do_not_take_anothers(
    make_study, make_results
):
    def found(rates):
        grid = {"name": "g", "strategy": ["random", "hard", "entropy"], "rate": rates}
        return shades(lines_of(make_results(make_study(seeds=1, grid=[grid])).runs))

    few = found([0.1, 0.2, 0.3, 0.4])
    assert all(shade == line.shade for line, shade in few.items())
    one = found([0.1, 0.2, 0.3, 0.4, 0.5])
    assert len(set(one.values())) >= 8


@pytest.mark.slow
def test_an_axis_of_cost_may_be_logarithmic(make_study, make_results):
    grid = {"name": "g", "strategy": ["random", "hard"]}
    results = make_results(make_study(grid=[grid]))
    plain, log = (
        draw(results, Plot("f", kind, "g", "", {})).axes
        for kind in ("map-per-cost", "map-per-cost:axis=log")
    )
    assert plain[0].get_xscale() == "linear"
    assert "logarithmic from 1\u00a0600 on" in log[-1].get_xlabel()
    for axes in log:
        zero, first, second, fourth = axes.transData.transform(
            [(cost, 0) for cost in (0, 1600, 3200, 6400)]
        )[:, 0]
        assert zero < first
        assert second - first == pytest.approx(fourth - second)
    points = [
        [line.get_xydata() for line in axes.get_lines() if line.get_label() == "hard"]
        for axes in (plain[0], log[0])
    ]
    np.testing.assert_array_equal(*points)
