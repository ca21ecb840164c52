"""The command line: streams, exit codes, fast help, what a run leaves, interruption, full disks."""

from __future__ import annotations

import csv
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from alasl import cli
from alasl.cli import COMMANDS, JOBS, exit_code
from alasl.cli.options import Bar
from alasl.data.dataset import Dataset
from warm import Process, Python

Call = Callable[..., subprocess.CompletedProcess[str]]

PAPERS = ["--model", "probe", "--strategy", "hard+entropy"]
QUICK = [*PAPERS, "--rounds", "2", "--images", "5", "--epochs", "2", "--missing", "0.4"]
# Long enough to be disturbed.
LONG = [*PAPERS, "--rounds", "20", "--images", "5", "--epochs", "20"]


@pytest.fixture
def data(tmp_path: Path, make_dataset: Callable[..., Dataset]) -> Path:
    dataset = make_dataset()
    path = tmp_path / "made.npz"
    labels = dataset.labels
    assert dataset.features is not None
    np.savez(
        path,
        labels=labels.entries,
        names=np.array(labels.names),
        images=np.array(labels.images),
        features=dataset.features,
    )
    return path


@pytest.mark.parametrize("name", ["labels", "study"])
def test_help_of_a_group_says_whole_what_each_command_does(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "\nCommands:\n" in shown
    assert "..." not in shown.split("\nCommands:\n")[1]


def test_a_port_that_there_is_none_of_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["annotate", "mine", "--port", "99999999"]) == 2
    assert "0<=x<=65535" in capsys.readouterr().err


def test_a_switchs_default_is_one_of_its_flags(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["run", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "pool or test set [default: near]" in shown
    assert "pretrained ones [default: no-warm-start]" in shown


def test_what_a_command_says_on_stderr_can_be_kept_from_it() -> None:
    talking = set()
    for name in COMMANDS:
        path = Path(cli.__file__).with_name(f"{'import_' if name == 'import' else name}.py")
        text = path.read_text(encoding="utf-8")
        if re.search(r"err=True|\bBar\(|remark\(", text):
            talking.add(name)
            assert "options.quiet_option" in text, name
    assert {"report", "import"} < talking


@pytest.mark.slow
def test_help_imports_neither_torch_nor_matplotlib() -> None:
    # One after the other in one process: the first that imports one of these is told.
    code = (
        "import sys; from alasl.cli import exit_code\n"
        "for arguments in [[], *([name] for name in sys.argv[1:])]:\n"
        "    code = exit_code([*arguments, '--help'])\n"
        "    heavy = {'torch', 'timm', 'matplotlib'} & set(sys.modules)\n"
        "    if code or heavy:\n"
        "        sys.exit(f'{arguments}: exit code {code}, imported: {heavy}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *COMMANDS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage: ") == 1 + len(COMMANDS)


@pytest.mark.slow
def test_help_names_every_command_and_every_setting(call: Call) -> None:
    text = call("--help").stdout
    assert all(re.search(rf"^  {name} +\w", text, re.MULTILINE) for name in COMMANDS)
    assert "--oracle-error" in call("run", "--help").stdout


@pytest.mark.slow
def test_help_has_each_command_once_under_what_it_is_for(call: Call) -> None:
    text = call("--help").stdout
    jobs = re.findall(r"^(\w.*):\n((?:  .*\n)+)", text, re.MULTILINE)
    shown = [name for _, lines in jobs[1:] for name in re.findall(r"^  (\w+)", lines, re.MULTILINE)]
    assert [job for job, _ in jobs] == ["Options", *JOBS]
    assert shown == list(COMMANDS)
    assert "..." not in text.split("Options:")[1]
    files = {file.stem.rstrip("_") for file in Path(cli.__file__).parent.glob("[a-z]*.py")}
    options = {"engine_options", "options", "setting_options", "table_options"}
    assert files - options - {"parts"} == set(COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "headings"),
    [
        (["run"], ["The data", "What is asked", "The model", "When to stop"]),
        (["init"], ["The data", "What is asked", "The model", "The project"]),
        (["study", "run"], ["The data", "When to stop"]),
        (["plan"], ["People's time"]),
    ],
)
def test_each_setting_stands_once_below_what_it_is_about(
    call: Call, arguments: list[str], headings: list[str]
) -> None:
    text = call(*arguments, "--help").stdout
    parts = dict(re.findall(r"^(\w.*):\n((?:  .*\n)+)", text, re.MULTILINE))
    assert [heading for heading in parts if heading in headings] == headings
    assert next(iter(parts)) == "Options"
    assert "--json" in parts["Options"]
    for option in ("--seconds", "--grid-seconds", "--stop-below"):
        assert sum(f"  {option} " in part for part in parts.values()) == text.count(f"  {option} ")
    if "What is asked" in headings:
        assert "--strategy" in parts["What is asked"]
        assert "--backbone" in parts["The model"]
        assert text.count("  --strategy ") == 1
        assert "--seed " in parts["Options"]


@pytest.mark.slow
def test_losses_are_listed_and_a_wrong_one_is_refused(
    data: Path, tmp_path: Path, call: Call
) -> None:
    text = call("losses").stdout
    assert "hill  (Zhang et al., 2021)" in text
    assert ":margin=1.0  float from 0 to 10" in text
    told = json.loads(call("losses", "--json").stdout)["losses"]
    assert {"asl", "bce", "splc"} <= {kind["name"] for kind in told}
    out = tmp_path / "out"
    done = call("run", data, *QUICK, "--loss", "hill:margn=0.5", "--out", out)
    assert done.returncode == 2
    assert "no such parameter; seen: margn=0.5" in done.stderr
    assert "margin=1.0 (float from 0 to 10)" in done.stderr
    done = call("run", data, *QUICK, "--loss", "ll-cp:rate=5", "--out", out)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_run_leaves_everything_it_should(data: Path, tmp_path: Path, call: Call) -> None:
    out = tmp_path / "out"
    done = call("run", data, *QUICK, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split() == [
        "round", "images", "answers", "mAP", "(%)", "95", "%", "interval", "gain",
    ]  # fmt: skip
    assert f"report: {out / 'report.html'}" in done.stdout
    left = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    drawn = {"map-per-round", "map-per-cost", "ap-per-label"}
    wanted = {f"figures/{name}.{kind}" for name in drawn for kind in ("png", "svg")}
    wanted |= {"config.toml", "rounds.csv", "queries.csv", "summary.json", "report.html"}
    assert wanted <= left
    with (out / "rounds.csv").open() as file:
        rounds = list(csv.DictReader(file))
    figures = ["map", "map_low", "map_high", "map_gain", "map_gain_low", "map_gain_high"]
    figures += ["map_last", "map_best"]
    assert list(rounds[0])[:13] == [
        "round",
        "images",
        "cost",
        "people_seconds",
        *figures,
        "training_seconds",
    ]
    ends = ["", "_low", "_high"]
    assert list(rounds[0])[13:] == [f"ap{end}:label{j}" for j in range(6) for end in ends]
    assert all(float(r["map_low"]) < float(r["map"]) < float(r["map_high"]) for r in rounds)
    with (out / "queries.csv").open() as file:
        queries = list(csv.DictReader(file))
    assert len(queries) == int(rounds[-1]["cost"])
    with np.load(data) as arrays:
        truth = {
            (image, name): value
            for image, row in zip(arrays["images"], arrays["labels"], strict=True)
            for name, value in zip(arrays["names"], row, strict=True)
        }
    assert all(int(q["answer"]) == truth[q["image"], q["label"]] for q in queries)


@pytest.mark.slow
def test_a_run_is_made_again_from_its_config(data: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    assert exit_code(["run", str(data), *QUICK, "--seed", "3", "-q", "--out", str(first)]) == 0
    config = str(first / "config.toml")
    assert exit_code(["run", "--config", config, "-q", "--out", str(second)]) == 0
    assert (first / "queries.csv").read_bytes() == (second / "queries.csv").read_bytes()
    assert exit_code(["run", "--config", config, "-q", "--out", str(first)]) == 0


@pytest.mark.slow
def test_an_option_goes_before_the_configuration(data: Path, tmp_path: Path, call: Call) -> None:
    (tmp_path / "c.toml").write_text(f"data = {str(data)!r}\nrounds = 2\nanswers = 20")
    out = tmp_path / "out"
    arguments = ["--config", str(tmp_path / "c.toml"), "--rounds", "1", "--out", str(out), "--json"]
    done = call("run", *arguments)
    assert json.loads(done.stdout)["rounds"] == 1
    assert "rounds = 1" in (out / "config.toml").read_text()


@pytest.mark.slow
def test_json_alone_is_on_stdout_and_quiet_is_quiet(data: Path, tmp_path: Path, call: Call) -> None:
    done = call("run", data, *QUICK, "--out", tmp_path / "out", "--json", "--quiet")
    told = json.loads(done.stdout)
    assert told["schema_version"] == 1
    assert told == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run"], 2, "name the data set"),
        (["run", "DATA", "--missing", "1.5"], 2, "--missing must be"),
        (["run", "DATA", "--missing", "x"], 2, "not a valid float"),
        (["run", "DATA", "--strategy", "hrad"], 2, "hard"),
        (["run", "DATA", "--mechanism", "unifrom"], 2, "uniform"),
        (["run", "DATA", "--mechanism", "single", "--missing", "0.3"], 2, "takes no --missing"),
        (["run", "DATA", "--model", "probe", "--loss", "mse"], 2, "asl"),
        (["run", "DATA", "--loss", "asl"], 2, "the model 'logistic' has no loss"),
        (["run", "DATA", "--strategy", "hard", "--images", "500"], 2, "beyond the pool"),
        (["run", "DATA", "--answers", "5000"], 2, "beyond the pool"),
        (["run", "DATA", "--missing", "0"], 4, "nothing to ask"),
        (["run", "nowhere"], 3, "nowhere"),
        (["run", "DATA", "--split", "nowhere.csv"], 3, "nowhere.csv"),
        (["run", "DATA", "--config", "nowhere.toml"], 3, "nowhere.toml"),
        (["report", "nowhere"], 3, "nowhere"),
        (["rnu"], 2, "rnu"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_error_with_its_exit_code(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [str(data) if a == "DATA" else a for a in arguments]
    if "run" in given and "DATA" in arguments and not {"--images", "--answers"} & set(given):
        given += ["--answers", "5"]
    assert exit_code(given) == code
    printed = capsys.readouterr()
    assert says in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


@pytest.mark.slow
def test_settings_that_differ_from_the_folders_are_a_conflict(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["run", str(data), *QUICK, "-q", "--out", str(tmp_path / "out")]
    assert exit_code(run) == 0
    assert exit_code([*run, "--seed", "1"]) == 6
    assert "seed: there 0, here 1" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ["--strategy", "random", "--answers", "9"],
            "--answers is not read: this run asks for whole",
        ),
        (["--images", "9", "--answers", "9"], "--images is not read: this run asks for single"),
        (["--strategy", "random", "--images", "1"], None),
        (["--answers", "9"], None),
        (["--ask", "images", "--images", "1"], None),
    ],
)
def test_a_size_of_rounds_that_is_not_read_is_told(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    told: str | None,
) -> None:
    words = ["--missing", "0.4", "--rounds", "0", "--out", str(tmp_path / "out")]
    assert exit_code(["run", str(data), *options, *words]) == 0
    said = capsys.readouterr().err
    assert (told in said) if told else ("is not read" not in said)


@pytest.mark.slow
def test_a_run_says_what_its_table_does_not_know(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with np.load(data) as arrays:
        whole = dict(arrays)
    hidden = np.random.default_rng(0).random(whole["labels"].shape) < 0.7
    whole["labels"] = np.where(hidden, np.int8(-1), whole["labels"])
    np.savez(tmp_path / "holes.npz", **whole)
    words = [str(tmp_path / "holes.npz"), "--answers", "20", "--rounds", "4", "-q"]
    assert exit_code(["run", *words, "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "% of the test set's entries are known, and this is over these alone" in said
    assert "questions more went without an answer" in said
    assert "points of AP of known entries" in said
    assert "mAP points" not in said


@pytest.mark.slow
@pytest.mark.posix
def test_two_runs_in_one_folder_are_a_conflict(
    data: Path, tmp_path: Path, call: Call, python: Python
) -> None:
    out = tmp_path / "out"
    long = ["run", str(data), *LONG, "--out", str(out)]
    first = python.start("-m", "alasl", *long)
    try:
        wait_for(out / "journal.jsonl", 1, first)
        first.send_signal(signal.SIGSTOP)
        second = call(*long)
        assert second.returncode == 6
        assert "another run is writing to this folder" in second.stderr
    finally:
        first.send_signal(signal.SIGCONT)
        first.communicate()
    assert first.returncode == 0


@pytest.mark.slow
def test_ctrl_c_stops_with_130_and_the_same_command_goes_on(
    data: Path, tmp_path: Path, call: Call, python: Python
) -> None:
    out = tmp_path / "out"
    long = ["run", str(data), *LONG, "--out", str(out)]
    process = python.start("-m", "alasl", *long)
    wait_for(out / "journal.jsonl", 4, process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert "Traceback" not in err
    before = (out / "journal.jsonl").read_bytes()
    assert call(*long).returncode == 0
    assert (out / "journal.jsonl").read_bytes().startswith(before[: before.rfind(b"\n")])


def wait_for(journal: Path, lines: int, process: Process) -> None:
    while process.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.005)
    pytest.fail("the run ended before it could be disturbed")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not hasattr(os, "geteuid"):
        pytest.skip("a small disk cannot be mounted on Windows")
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.slow
def test_a_full_disk_stops_with_5_and_keeps_what_was_done(
    data: Path, small_disk: Path, call: Call
) -> None:
    run = ["run", data, *LONG, "--out", small_disk / "out"]
    done = call(*run)
    assert done.returncode == 5, done.stderr
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr
    before = (small_disk / "out" / "journal.jsonl").read_bytes()
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    assert call(*run).returncode == 0
    kept = before[: before.rfind(b"\n") + 1]
    assert (small_disk / "out" / "journal.jsonl").read_bytes().startswith(kept)


@pytest.mark.slow
def test_several_runs_are_laid_over_each_other(data: Path, tmp_path: Path) -> None:
    folders = []
    for strategy in ("random", "hard"):
        folders.append(str(tmp_path / strategy))
        run = ["run", str(data), *QUICK, "-q", "--strategy", strategy, "--out", folders[-1]]
        assert exit_code(run) == 0
    page = tmp_path / "both.html"
    assert exit_code(["report", *folders, "--out", str(page)]) == 0
    text = page.read_text()
    assert "random" in text
    assert "hard" in text


def test_an_option_of_a_run_is_never_forgotten_by_the_python_interface(data: Path) -> None:
    import alasl as package

    dataset = package.read(data)
    settings = package.RunSettings(rounds=1, answers=50)
    record = package.simulate(settings, dataset=dataset)
    assert len(record.maps) == 2
    assert all(getattr(package, name) for name in package.__all__)


@pytest.mark.posix
@pytest.mark.parametrize("command", ["strategies", "strategies --json"])
def test_a_reader_that_went_away_is_no_failure(command: str) -> None:
    there, gone = os.pipe()
    os.close(there)
    ended = subprocess.run(
        [sys.executable, "-m", "alasl", *command.split()],
        stdout=gone, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    os.close(gone)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_reader_that_went_away_is_known_on_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    invalid = OSError(errno.EINVAL, "Invalid argument")
    assert cli._reader_is_gone(BrokenPipeError())
    assert not cli._reader_is_gone(invalid)
    monkeypatch.setattr(cli.os, "name", "nt")
    found = cli._reader_is_gone(invalid), cli._reader_is_gone(OSError(errno.ENOSPC, "full"))
    monkeypatch.undo()  # paths are made by this name
    assert found == (True, False)


def test_an_error_begins_on_a_line_of_its_own_where_a_bar_was_drawn() -> None:
    @click.command()
    def stopped() -> None:
        bar = Bar("look", "image")
        bar(1, 3)
        raise click.ClickException("no more")

    said = CliRunner().invoke(stopped).stderr.strip().split("\n")
    assert "1/3" in said[-2]
    assert said[-1] == "Error: no more"
