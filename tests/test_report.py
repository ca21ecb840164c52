"""The report: its numbers, its words, and that no name can do anything on the page."""

from __future__ import annotations

import base64
import io
import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner
from PIL import Image

from alasl.cli import exit_code
from alasl.cli import report as cli
from alasl.drawing import INK
from alasl.errors import DataError
from alasl.journal import Journal, write_config
from alasl.record import Asked, Evaluation, Record, Round, Start
from alasl.report import headline, summary, table, write_report, write_run
from alasl.report.tables import _rounds_rows
from alasl.settings import RunSettings
from alasl.strategies import resolve

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></svg><iframe src=//evil.example>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "a\x00b\r\n\u202ec",
    "=1+1&amp;&lt;",
)


def run(
    strategy="hard",
    maps=(28.0, 31.0, 34.0),
    names=("dog", "cat"),
    done=True,
    step=700,
    table_="t",
    **set_,
):
    """A run of three images a round whose last label has no AP, finished unless `done` is False."""
    rounds = max(len(maps) - 1, 0)
    record = Record(
        RunSettings(
            data="nowhere", strategy=strategy, rounds=rounds + (not done), images=3, **set_
        ),
        Start(
            data="scenes",
            names=tuple(names),
            sizes={"clean": 9, "pool": 60, "test": 20},
            unknown=4000,
            table=table_,
            versions={"alasl": "0.1"},
        ),
    )
    ap = [10.0] * (len(names) - 1) + [math.nan]
    for i, value in enumerate(maps):
        if i:
            asked = tuple(
                Asked(f"{names[0]}/{i}-{k}.png", 0.93 - k / 10, 14, 66, dict.fromkeys(names, k - 1))
                for k in range(3)
            )
            record.rounds.append(Round(i, asked))
        epochs = (value - 1, value + 2, value - 1)
        values = [v + 5 * i for v in ap]
        record.evaluations.append(Evaluation(i, 3 * i, step * i, epochs, tuple(values), 1.5))
    return record


class Page(HTMLParser):
    """The elements, attributes and text of a page, as a browser would see them."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self.styles = [], [], "", ""
        self._open = []
        self.feed(html)
        assert not self._open, "an element was left open"

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, k, v or "") for k, v in attrs]
        if tag == "br":
            self.text += " "
        elif tag not in ("meta", "img"):
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self._open.pop()

    def handle_endtag(self, tag):
        assert self._open.pop() == tag
        if tag in ("td", "th", "dt", "dd", "span"):
            self.text += " "

    def handle_data(self, data):
        if self._open and self._open[-1] == "style":
            self.styles += data
        else:
            self.text += data

    @property
    def said(self):
        return " ".join(self.text.replace("\u00a0", " ").split())


def page(tmp_path, *records, **options):
    write_report(records, tmp_path / "r.html", **options)
    return Page((tmp_path / "r.html").read_bytes().decode())


def test_summary_holds_the_headline_numbers():
    told = summary(run())
    assert (told["map_first"], told["map_final"]) == (28.0, 34.0)
    assert (told["map_last"], told["map_best"]) == (33.0, 36.0)
    assert (told["cost"], told["images"], told["rounds"]) == (1400, 6, 2)
    assert told["increase_per_answer"] == pytest.approx(6 / 1400)
    assert told["area_under_cost"] == pytest.approx((28 + 31) / 4 + (31 + 34) / 4)
    assert told["undefined"] == ["cat"]
    assert told["sizes"] == {"clean": 9, "pool": 60, "test": 20, "labels": 2}
    assert told["schema_version"] == 1
    assert told["done"]
    assert summary(run(summary="best"))["map_final"] == 36.0


@pytest.mark.parametrize("maps", [(), (28.0,), (math.nan, math.nan)])
def test_what_is_undefined_is_none_in_the_summary(maps):
    told = json.loads(json.dumps(summary(run(maps=maps)), allow_nan=False))
    assert told["increase_per_answer"] is None
    assert told["area_under_cost"] is None
    assert told["map_first"] == (28.0 if maps == (28.0,) else None)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (
            run(),
            "mAP rose from 28.0 % to 34.0 % over 2 rounds of asking, for 1 400 answers on 6 images:"
            " +6.0 points, or +4.29 points per 1 000 answers.",
        ),
        (
            run(maps=(30.0, 29.0)),
            "mAP fell from 30.0 % to 29.0 % over 1 round of asking, for 700 answers on 3 images:"
            " -1.0 points, or -1.43 points per 1 000 answers.",
        ),
        (run(maps=(30.0,)), "mAP is 30.0 % before any answer."),
        (run(maps=(30.0,), done=False), "The run is unfinished: 0 of 1 rounds so far. mAP is 30.0"),
        (run(maps=(math.nan, math.nan)), "Nothing can be judged: no label has a known present"),
        (run(maps=()), "The run has not evaluated anything yet."),
    ],
)
def test_headline_is_one_plain_sentence(record, says):
    assert headline(record).replace("\u00a0", " ").startswith(says)


def test_table_for_the_terminal():
    assert table([run()]).splitlines() == [
        "round  images  answers  mAP (%)   gain",
        "    0       0        0    28.00",
        "    1       3      700    31.00  +3.00",
        "    2       6     1400    34.00  +6.00",
    ]
    two = table([run("random"), run(done=False)])
    assert two.startswith("scenes: random\n")
    assert "scenes: hard\n" in two
    assert two.endswith("unfinished")


@pytest.mark.slow
def test_page_on_one_run_says_it_all(tmp_path):
    seen = page(tmp_path, run())
    for words in (
        "28.0 → 34.0 %",
        "+4.29",
        "dog 10.0 → 20.0 ",
        "AP is undefined for 1 of 2 labels",
        "14 of 80 entries known; score 0.93, rank 1 of the round",
        "14 of 80 entries known; score 0.83, rank 2 of the round",
        "nothing found present among 2 asked; 2 could not be told",
        "found present: dog, cat",
        "0 28.00 0 0 1.5 1 31.00 +3.00 700 3 1.5 2 34.00 +6.00 1 400 6 1.5",
        "mean over the mAPs after each of its 3 epochs",
        resolve("hard").about,
    ):
        assert words.lower() in seen.said.lower()
    assert seen.tags.count("svg") == 2
    inks = [value for _, key, value in seen.attributes if key == "style"]
    assert any("currentColor" in ink for ink in inks)
    assert not any(INK in ink for ink in inks)
    assert "it flatters" in page(tmp_path, run(summary="best")).said


@pytest.mark.slow
def test_page_on_several_runs_compares_them_at_the_smallest_final_cost(tmp_path):
    seen = page(tmp_path, run("random", maps=(28.0, 30.0, 31.0), step=500), run())
    assert "mAP (%) at 1 000 answers" in seen.said
    at = 31 + 3 * 300 / 700
    assert f"hard 28.0 → 34.0 1 400 +4.29 {at:.1f} +1.3 31.0" in seen.said
    assert "random 28.0 → 31.0 1 000 +3.00 31.0 29.8" in seen.said
    assert "They differ in: strategy." in seen.said
    assert "They do not share" not in seen.said
    assert "They do not share seed" in page(tmp_path, run(seed=1), run()).said
    holes = replace(run(), start=replace(run().start, test_known=0.25))
    seen = page(tmp_path, run(), holes)
    assert "mAP or AP of known entries (%) before → after" in seen.said
    assert "Mean mAP" not in seen.said
    assert "They do not share data" in page(tmp_path, run(table_="u"), run()).said


@pytest.mark.slow
@pytest.mark.parametrize("maps", [(), (28.0,), (28.0, 29.0), (math.nan, math.nan)])
def test_an_unfinished_run_is_reported_as_such(tmp_path, maps):
    unfinished = run(maps=maps, done=False)
    said = page(tmp_path, unfinished).said
    assert "unfinished" in said or "not evaluated anything" in said
    assert "unfinished, " in page(tmp_path, unfinished, run()).said
    assert write_run(unfinished, tmp_path / "run")["done"] is False


def named(name, several):
    """A run with everything called so, and another beside it where there are several."""
    record = run(strategy=name, names=(name, name + "2"), labels=name)
    record.start.versions[name] = name
    record.start.sizes[name] = 1
    object.__setattr__(record.start, "data", name)
    return [record, run()] if several else [record]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The pages of one run, and of several, with plain names."""
    return [page(tmp_path_factory.mktemp("plain"), *named("plain", n)) for n in (False, True)]


@pytest.mark.slow
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_name_can_do_anything(tmp_path, plain, attack, several):
    """Attack strings as every name leave the same elements and attributes as plain names do."""
    plain, seen = plain[several], page(tmp_path, *named(attack, several))
    assert seen.tags == plain.tags
    assert [a[:2] for a in seen.attributes] == [a[:2] for a in plain.attributes]
    for tag, key, value in seen.attributes:
        assert not key.startswith("on")
        assert attack not in value
        if key in ("src", "href", "xlink:href"):
            assert value.startswith(("data:image/jpeg;base64,", "#")), (tag, key)
    if attack.isprintable():
        assert attack in seen.text
    assert seen.styles == plain.styles


def test_page_loads_and_runs_nothing(tmp_path):
    seen = page(tmp_path, run(), run("random"))
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(seen.tags)
    assert seen.tags.count("style") == 1
    (policy,) = [v for _, k, v in seen.attributes if k == "content" and "default-src" in v]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline';")
    assert not re.search(r"url\(|@import", seen.styles)
    assert all("url(#" in v for _, _, v in seen.attributes if "url(" in v)


def test_ids_are_unique_and_references_resolve(tmp_path):
    seen = page(tmp_path, run(), run("random"))
    ids = [value for _, key, value in seen.attributes if key == "id"]
    assert len(ids) == len(set(ids))
    used = {v[1:] for _, k, v in seen.attributes if k == "xlink:href"}
    used |= {m for _, _, v in seen.attributes for m in re.findall(r"url\(#(.*?)\)", v)}
    assert used
    assert used <= set(ids)


@pytest.mark.slow
def test_thumbnails_of_the_first_images_and_unreadable_ones_survive(tmp_path):
    record = run()
    images = [asked.image for step in record.rounds for asked in step.asked]
    files = {image: tmp_path / f"{i}.png" for i, image in enumerate(images)}
    for file in files.values():
        Image.new("RGB", (400, 300), "red").save(file)
    files[images[0]].write_bytes(b"no image")
    del files[images[1]]
    seen = page(tmp_path, record, paths=files, shown=2)
    sources = [v for tag, k, v in seen.attributes if (tag, k) == ("img", "src")]
    assert len(sources) == 2
    assert seen.said.count("cannot be read") == 2
    for source in sources:
        with Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))) as image:
            assert (image.format, image.size) == ("JPEG", (96, 72))
    assert "and 1 more" in seen.said
    assert "img" not in page(tmp_path, record, record, paths=files).tags


def test_a_name_that_is_no_text_can_be_written(tmp_path):
    assert "rank 1" in page(tmp_path, run(names=("\udc80", "cat"))).said


def test_nothing_to_report_is_refused(tmp_path):
    with pytest.raises(DataError):
        write_report([], tmp_path / "r.html")


def kept(folder, record):
    """The run's journal and configuration in a folder, as a run leaves them."""
    journal = Journal(folder)
    journal.open()
    write_config(record.settings, folder, {})
    journal.append(record.start)
    for i, evaluation in enumerate(record.evaluations):
        if i:
            journal.append(record.rounds[i - 1])
        journal.append(evaluation)
    journal.close()
    return folder


@pytest.mark.slow
def test_command_reports_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = kept(tmp_path / "one", run())
    two = kept(tmp_path / "two", run("random", maps=(28.0, 29.0), done=False))
    alone = CliRunner().invoke(cli.command, [str(one)])
    assert alone.exit_code == 0, alone.output
    assert table([run()]) in alone.stdout
    assert headline(run()) in alone.stdout
    assert "no thumbnails" in alone.stderr
    assert (one / "report.html").exists()
    both = CliRunner().invoke(cli.command, [str(one), str(two), "--json", "--out", "c.html"])
    told = json.loads(both.stdout)
    assert told["schema_version"] == 1
    assert [r["done"] for r in told["runs"]] == [True, False]
    assert told["runs"][0] == {"folder": str(one), **summary(run())}
    assert (tmp_path / "c.html").exists()


def test_command_refuses_a_folder_without_a_run(tmp_path, capsys):
    assert exit_code(["report", str(tmp_path)]) == DataError.exit_code
    assert "no run here" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()


def test_over_known_entries_alone_nothing_is_called_map() -> None:
    record = run()
    start = replace(record.start, test_known=0.25)
    holes = replace(record, start=start)
    told = summary(holes)
    assert (told["map_first"], told["map_final"]) == (None, None)
    assert (told["known_first"], told["known_final"]) == (28.0, 34.0)
    assert told["test_known"] == 0.25
    says = headline(holes)
    assert says.startswith("AP of known entries rose from 28.0 % to 34.0 %")
    assert "Only 25 % of the test set's entries are known" in says
    assert "mAP" not in table([holes])
    assert "map" not in "".join(map(str, _rounds_rows(holes)[0][:10]))


def sure_run():
    """A run of which everything has an interval, but the label that has no AP."""
    record = run()
    start = replace(record.start, test_presents=(7, 0))
    evaluations = [
        replace(
            e,
            interval=(e.map_last - 2, e.map_last + 3),
            ap_intervals=((e.ap[0] - 4, e.ap[0] + 5), None),
            gain_reach=1.4 if e.round else None,
        )
        for e in record.evaluations
    ]
    return replace(record, start=start, evaluations=evaluations)


def test_an_interval_stands_beside_each_map() -> None:
    record = sure_run()
    for value, (low, high) in zip(record.maps, summary(record)["intervals"][:1], strict=False):
        assert (low, high) == (value - 2, value + 3)
    assert "(26.0 to 31.0)" in headline(record)
    assert "In brackets: 95 % intervals, by 20 test images, of which all is known." in headline(
        record
    )
    assert "intervals" not in headline(run())
    assert "26.0 to 31.0" in table([record])


def test_an_interval_stands_beside_the_gain_over_round_0() -> None:
    record = sure_run()
    assert record.gains == [0, 3, 6]
    told = summary(record)
    assert told["gain_interval"] == pytest.approx((4.6, 7.4))
    assert told["increase_interval"] == pytest.approx([4.6 / 1400, 7.4 / 1400])
    says = headline(record).replace("\u00a0", " ")
    assert "+6.0 points (+4.6 to +7.4), or +4.29 points per 1 000 answers (+3.29 to +5.29)." in says
    assert table([record]).splitlines()[-1].endswith("  +6.00 (+4.6 to +7.4)")
    # What the summary of the epochs says counts, not the last of them.
    best = replace(record, settings=replace(record.settings, summary="best"))
    assert best.gain_intervals[-1] == pytest.approx((4.6, 7.4))
    # Rounds that filled no entry have a gain, and none per answer.
    free = [replace(e, cost=0) for e in record.evaluations]
    assert summary(replace(record, evaluations=free))["increase_interval"] is None


def test_the_table_of_rounds_has_the_ends_of_each_interval() -> None:
    head, *rows = _rounds_rows(sure_run())
    assert head[4:10] == ["map", "map_low", "map_high", "map_gain", "map_gain_low", "map_gain_high"]
    assert head[-6:] == [f"ap{end}:{n}" for n in ("dog", "cat") for end in ("", "_low", "_high")]
    names = ("dog", "dog_low", "map", "ap", "ap_low:dog", "round")
    columns = _rounds_rows(run(names=names))[0]
    assert len(set(columns)) == len(columns)
    assert rows[0][7:10] == ["0.0000", "", ""]
    assert rows[2][7:10] == ["6.0000", "4.6000", "7.4000"]
    assert rows[2][-6:] == ["20.0000", "16.0000", "25.0000", "", "", ""]
    older = _rounds_rows(run())[3]
    assert older[5:10] == ["", "", "6.0000", "", ""]
    assert older[-6:] == ["20.0000", "", "", "", "", ""]


@pytest.mark.slow
def test_the_page_has_an_interval_beside_each_label_and_the_gain(tmp_path) -> None:
    said = page(tmp_path, sure_run()).said
    for words in (
        "(26.0 to 31.0) → (32.0 to 37.0)",
        "+4.29 +3.29 to +5.29",
        "dog, n = 7 10.0 (6.0 to 15.0) → 20.0 (16.0 to 25.0)",
        "34.00 32.0 to 37.0 +6.00 +4.6 to +7.4",
    ):
        assert words in said
    assert (
        "28.0 → 34.0 (26.0 to 31.0) → (32.0 to 37.0)"
        in page(tmp_path, sure_run(), run("random")).said
    )
    assert " n = " not in page(tmp_path, run()).said


def test_questions_that_the_table_cannot_answer_are_counted() -> None:
    record = run()
    first = record.rounds[0]
    asked = [replace(a, answers=dict.fromkeys(a.answers, -1)) for a in first.asked]
    many = sum(len(a.answers) for a in asked)
    holes = replace(record, rounds=[replace(first, asked=tuple(asked)), *record.rounds[1:]])
    rest = sum(v < 0 for r in record.rounds[1:] for a in r.asked for v in a.answers.values())
    assert summary(holes)["unanswered"] == many + rest
    assert f"{many + rest} questions more went without an answer" in headline(holes)
