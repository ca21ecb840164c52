"""People's time: what ways of asking take, and which takes less."""

from hypothesis import given
from hypothesis import strategies as st

from alasl.seconds import Seconds
from alasl.settings import TimeSettings

takes = st.floats(0.1, 10)


@given(takes, takes, takes, st.lists(st.integers(1, 9), min_size=1))
def test_the_quicker_way_takes_less_counted_answer_by_answer(
    answer: float, opening: float, grid: float, each: list[int]
) -> None:
    seconds = Seconds(answer=answer, open=opening, grid=grid)
    by_image = by_label = 0.0
    for entries in each:
        by_image += opening
        for _ in range(entries):
            by_image += answer
            by_label += grid
    assert abs(seconds.by_image(len(each), sum(each)) - by_image) < 1e-9 * by_image
    assert abs(seconds.by_label(sum(each)) - by_label) < 1e-9 * by_label
    if abs(by_image - by_label) > 1e-9 * by_label:
        quicker = "image" if by_image < by_label else "label"
        assert seconds.quicker(len(each), sum(each)) == quicker


def test_tags_take_what_is_there_alone() -> None:
    assert Seconds().by_tags(images=10, presents=4) == 10 * 2 + 4 * 3


def test_settings_go_before_what_was_measured() -> None:
    measured = Seconds(answer=0.7, open=5.0, grid=0.9)
    assert measured.but(TimeSettings()) == measured
    named = measured.but(TimeSettings(open_seconds=0.0, tag_seconds=4.0))
    assert named == Seconds(answer=0.7, open=0.0, grid=0.9, tag=4.0)
