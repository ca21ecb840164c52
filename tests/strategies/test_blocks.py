"""Work cut into blocks: each once, in threads only where there are several."""

from __future__ import annotations

import time

import pytest

from alasl.strategies import blocks


@pytest.mark.parametrize(("count", "asked"), [(0, 0), (5, 0), (6, 1), (12, 1)])
def test_each_block_is_worked_on_once_and_of_one_no_processors_are_counted(
    monkeypatch: pytest.MonkeyPatch, count: int, asked: int
) -> None:
    counts: list[int] = []
    monkeypatch.setattr(blocks, "processors", lambda: counts.append(2) or 2)
    done: list[range] = []
    blocks.in_blocks(lambda rows: done.append(range(count)[rows]), count, block=5)
    assert sorted(row for rows in done for row in rows) == list(range(count))
    assert len(counts) == asked


def test_what_is_left_is_given_up_where_a_block_fails() -> None:
    done: list[int] = []

    def work(part: slice) -> None:
        if part.start == 0:
            raise KeyboardInterrupt
        time.sleep(0.01)
        done.append(part.start)

    with pytest.raises(KeyboardInterrupt):
        blocks.in_blocks(work, 1000, 1)
    assert len(done) < 500
