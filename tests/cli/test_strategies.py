"""`alasl strategies`: as text, as JSON, and as the table of the docs."""

from __future__ import annotations

import json

from click.testing import CliRunner

from alasl.cli import app
from alasl.strategies import available


def said(*options: str) -> str:
    result = CliRunner().invoke(app, ["strategies", *options])
    assert result.exit_code == 0, result.output
    return result.output


def test_every_strategy_says_what_it_scores_and_needs():
    text = said()
    for strategy in available():
        assert f"{strategy.name}  (" in text
        assert strategy.about in text
    assert "scores each entry; needs members; work N L E" in text
    assert "    :within=label  label or all" in text


def test_json_holds_all_that_the_registry_knows():
    told = {row["name"]: row for row in json.loads(said("--json"))["strategies"]}
    assert set(told) == {strategy.name for strategy in available()}
    assert told["cvirs"] | {"about": ""} == {
        "name": "cvirs",
        "about": "",
        "paper": "Reyes et al. 2018",
        "scores": "image",
        "needs": ["labelled", "probabilities"],
        "work": "N L min(M, 4096)",
        "parameters": {},
    }
    assert told["bald"]["parameters"]["within"] == {"default": "label", "may be": "label or all"}


def test_the_table_has_a_row_of_five_cells_for_each():
    table = said("--markdown").strip()
    rows = table.splitlines()
    assert len(rows) == 2 + len(available())
    assert {row.replace("\\|", "").count("|") for row in rows} == {6}
