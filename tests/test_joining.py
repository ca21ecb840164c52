"""What whoever joins or releases relies on: workflow, project, docs and templates say the same."""

from __future__ import annotations

import io
import os
import re
import runpy
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from alasl.cli import app

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
GITHUB = ROOT / ".github"
RELEASE = runpy.run_path(str(ROOT / "scripts" / "release.py"))


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def targets() -> dict[str, str]:
    """What the Makefile makes, and by which lines."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w./]+):[^\n]*\n((?:\t.*\n)*)", text, re.MULTILINE))


@pytest.fixture(scope="module")
def jobs() -> dict[str, Any]:
    jobs: dict[str, Any] = read(".github/workflows/ci.yml")["jobs"]
    return jobs


def lines_of(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_workflow_runs_what_contributors_run(jobs: dict[str, Any]) -> None:
    made = targets()
    assert lines_of(jobs["whole"]) == ["bash .ci/run"]
    assert (ROOT / ".ci" / "run").is_file()
    assert "make -C" in (ROOT / ".ci" / "run").read_text()
    install, quick = lines_of(jobs["quick"])
    assert install == 'python -m pip install --editable ".[dev]"'
    # `make` is not everywhere; the rule is the same.
    assert quick.removeprefix("python -m ") in made["quick"]
    assert lines_of(jobs["coverage"]) == ["make coverage"]
    assert "--cov" in made["coverage"]
    assert lines_of(jobs["platforms"]) == ["make platforms"]
    assert re.findall(r"--platform (\w+)", made["platforms"]) == ["win32", "darwin"]
    assert PYPROJECT["tool"]["coverage"]["report"]["fail_under"] >= 90


def test_every_python_and_system_that_is_promised_is_tried(jobs: dict[str, Any]) -> None:
    matrix = jobs["quick"]["strategy"]["matrix"]
    promised = [
        version[1]
        for line in PROJECT["classifiers"]
        if (version := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line))
    ]
    assert matrix["python"] == promised
    assert PROJECT["requires-python"] == f">={promised[0]}"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == "py" + promised[0].replace(".", "")
    elsewhere = {(each["os"], each["python"]) for each in matrix["include"]}
    wanted = {(f"{system}-latest", version) for system in ("macos", "windows")
              for version in (promised[0], promised[-1])}  # fmt: skip
    assert elsewhere == wanted
    systems = {line.split(" :: ")[-1] for line in PROJECT["classifiers"] if "Operating" in line}
    assert systems == {"Linux", "MacOS", "Windows"}
    for job in ("whole", "coverage", "platforms"):
        used = [step for step in jobs[job]["steps"] if "setup-python" in step.get("uses", "")]
        assert [step["with"]["python-version"] for step in used] == [promised[0]]


def test_what_contributing_names_is_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([\w./]+)", text)) - {"it"}
    assert {".venv/ready", "quick", "test", "docs", "lint", "release"} <= named <= set(targets())
    for path in re.findall(r"pytest (tests/[\w./]+)", text):
        assert (ROOT / path).exists(), path


def test_the_hooks_before_a_commit_are_the_tests_own() -> None:
    (repo,) = read(".pre-commit-config.yaml")["repos"]
    wanted = targets()["test"].replace("$(BIN)", ".venv/bin")
    dev = " ".join(PROJECT["optional-dependencies"]["dev"])
    for hook in repo["hooks"]:
        command, *words = hook["entry"].split()
        assert " ".join([command, *words[:1]]) in wanted
        assert Path(command).name in dev


def test_the_citation_is_of_this_version() -> None:
    cited = read("CITATION.cff")
    assert cited["cff-version"] == "1.2.0"
    assert (cited["title"].lower(), cited["version"]) == (PROJECT["name"], PROJECT["version"])
    assert (cited["license"], cited["keywords"]) == (PROJECT["license"], PROJECT["keywords"])
    assert cited["authors"] == PROJECT["authors"]
    assert PROJECT["description"].endswith(" ".join(cited["abstract"].split()).split(": ")[1])


def test_torch_without_cuda_is_taken_from_one_address() -> None:
    address = "https://download.pytorch.org/whl/cpu"
    for name in ("README.md", "Dockerfile"):
        assert f"--extra-index-url {address}" in (ROOT / name).read_text(encoding="utf-8")
    assert read(".github/workflows/ci.yml")["env"]["PIP_EXTRA_INDEX_URL"] == address


def test_the_container_serves_a_project_and_is_nobody(tmp_path: Path) -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert "USER 1000" in lines
    assert 'ENTRYPOINT ["alasl"]' in lines
    service = read("docker-compose.yml")["services"]["page"]
    name, *words = [word.replace("${ALASL_TOKEN:-}", "x" * 16) for word in service["command"]]
    command = app.get_command(click.Context(app), name)
    assert command is not None
    # The folder that is mounted has the project.
    (tmp_path / "mine").mkdir()
    given = command.make_context(name, [str(tmp_path / words[0]), *words[1:]]).params
    assert service["ports"] == [f"127.0.0.1:{given['port']}:{given['port']}"]
    assert f"EXPOSE {given['port']}" in lines
    assert f"('127.0.0.1', {given['port']})" in "".join(lines)
    # What the image is built from is not left out.
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copied = [word for line in lines if re.match("COPY [^-]", line) for word in line.split()[1:-1]]
    assert {f"!{word}" for word in copied} <= set(kept)


@pytest.mark.parametrize("form", ["bug", "idea"])
def test_the_forms_of_issues_are_whole(form: str) -> None:
    told = read(f".github/ISSUE_TEMPLATE/{form}.yml")
    assert {"name", "description", "body"} <= told.keys()
    for field in told["body"]:
        assert field["type"] in ("input", "textarea")
        assert field["attributes"]["label"]
    asked = [field["id"] for field in told["body"]]
    assert len(set(asked)) == len(asked)


def test_no_file_but_pyproject_names_the_repositorys_address() -> None:
    address = PROJECT["urls"]["Repository"]
    assert all(url.startswith(address) for url in PROJECT["urls"].values())
    listed = ["git", "ls-files", "-z"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not in a repository")
    for name in done.stdout.split("\0"):
        file = ROOT / name
        if name != "pyproject.toml" and file.suffix in (".md", ".yml", ".yaml", ".cff", ".toml"):
            assert address not in file.read_text(encoding="utf-8"), name


def state(folder: Path, version: str, changelog: str, citation: str, address: str) -> Path:
    urls = f'[project.urls]\nRepository = "{address}"\n'
    (folder / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n{urls}')
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n## {changelog}\n\n## [0.1.0]\n")
    (folder / "CITATION.cff").write_text(f"title: ALASL\nversion: {citation}\n")
    return folder


GOOD = {
    "version": "0.2.0",
    "changelog": "[0.2.0] - 2027-01-31",
    "citation": "0.2.0",
    "address": "https://host.example/alasl",
}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, None),
        ({"changelog": "[Unreleased]"}, "first heading must be ## [0.2.0]"),
        ({"changelog": "[0.2.0]"}, "must end with its date"),
        ({"citation": "0.1.0"}, "CITATION.cff: the version must be 0.2.0"),
        ({"address": "https://alasl.invalid/x"}, "Repository is still the placeholder"),
    ],
)
def test_what_is_not_ready_is_not_released(
    tmp_path: Path, changed: dict[str, str], says: str | None
) -> None:
    found = RELEASE["faults"](state(tmp_path, **(GOOD | changed)))
    assert len(found) == (says is not None)
    assert says is None or says in found[0]


def test_what_a_release_is_tried_with_is_what_the_commands_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for made in ("scenes", "run"):
        (tmp_path / made).mkdir()
    for words in RELEASE["FIRST"]:
        name, *arguments = words.split()
        command = app.get_command(click.Context(app), name)
        assert command is not None, words
        command.make_context(name, arguments)


@pytest.mark.skipif(sys.platform == "win32", reason="a program of the shell")
def test_a_release_that_fails_where_it_is_tried_says_how(tmp_path: Path) -> None:
    program = tmp_path / "alasl"
    program.write_text(
        "#!/bin/sh\ncase $1 in --version) echo 0.1.0;; *) echo broken >&2; exit 2;; esac\n"
    )
    program.chmod(0o755)
    with pytest.raises(SystemExit, match=r"alasl scenes .* ends with 2:\nbroken"):
        RELEASE["use"](tmp_path, "0.1.0")


def archives(folder: Path, wheel: set[str], source: set[str]) -> tuple[Path, Path]:
    with zipfile.ZipFile(folder / "a.whl", "w") as file:
        for name in wheel:
            file.writestr(name, "")
    with tarfile.open(folder / "a.tar.gz", "w:gz") as file:
        for name in source:
            file.addfile(tarfile.TarInfo(f"alasl-0.1.0/{name}"), io.BytesIO())
    return folder / "a.whl", folder / "a.tar.gz"


def test_archives_that_lack_a_file_are_not_released(tmp_path: Path) -> None:
    (tmp_path / "src" / "alasl").mkdir(parents=True)
    inside = {"alasl/a.py", "alasl/page.html"}
    for name in inside:
        (tmp_path / "src" / name).touch()
    for words in (["init", "-q"], ["add", "src"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    beside = {"README.md", "CHANGELOG.md", "LICENSE", "CITATION.cff", "pyproject.toml"}
    source = {f"src/{name}" for name in inside} | beside
    missing = RELEASE["missing"]
    notes = {"alasl-0.1.0.dist-info/METADATA"}
    assert missing(*archives(tmp_path, inside | notes, source), tmp_path) == []
    found = missing(*archives(tmp_path, {"alasl/a.py", "tests/b.py"}, source), tmp_path)
    assert found == ["a.whl: alasl/page.html is missing", "a.whl: tests/b.py does not belong there"]
    found = missing(*archives(tmp_path, inside, source - {"LICENSE"}), tmp_path)
    assert found == ["a.tar.gz: LICENSE is missing"]


@pytest.mark.slow
def test_a_command_added_by_the_page_alone_is_one(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    _, source = re.findall(r"```py\n(.*?)```", text, re.DOTALL)
    shutil.copytree(ROOT / "src", tmp_path / "src")
    folder = tmp_path / "src" / "alasl" / "cli"
    (folder / "count.py").write_text(source, encoding="utf-8")
    listed = (folder / "__init__.py").read_text(encoding="utf-8")
    assert listed.count('("check", "convert", "features")') == 1
    added = listed.replace(
        '("check", "convert", "features")', '("check", "convert", "features", "count")'
    )
    (folder / "__init__.py").write_text(added, encoding="utf-8")
    (tmp_path / "table.csv").write_text("image,dog\na.jpg,1\nb.jpg,0\n", encoding="utf-8")
    ours = os.environ | {"PYTHONPATH": str(tmp_path / "src")}
    said = [
        subprocess.run(
            [sys.executable, "-m", "alasl", *words],
            cwd=tmp_path, env=ours, capture_output=True, text=True, check=True,
        ).stdout
        for words in (["count", "table.csv"], ["--help"])
    ]  # fmt: skip
    assert said[0] == "2\n"
    assert "Print how many images TABLE has." in said[1]


@pytest.mark.slow
def test_a_strategy_added_by_the_page_alone_passes_what_every_strategy_must(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"cat > rarest\.py <<'END'\n(.*?)\nEND\n", text, re.DOTALL)
    shutil.copytree(ROOT / "src", tmp_path / "src")
    file = tmp_path / "src" / "alasl" / "strategies" / "rarest.py"
    file.write_text(source + "\n", encoding="utf-8")
    own, _ = re.findall(r"```py\n(.*?)```", text, re.DOTALL)
    (tmp_path / "test_rarest.py").write_text(own, encoding="utf-8")
    shutil.copy(ROOT / "tests" / "strategies" / "conftest.py", tmp_path)
    ours = os.environ | {"PYTHONPATH": str(tmp_path / "src")}
    for tool in (["ruff", "check"], ["ruff", "format", "--check"]):
        subprocess.run(
            [*tool, "--config", ROOT / "pyproject.toml", file],
            check=True,
            env=ours | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{ours['PATH']}"},
        )
    every = ROOT / "tests" / "strategies" / "test_strategies.py"
    for tests, least in ((every, 20), (tmp_path / "test_rarest.py", 1)):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", tests, "-k", "rarest", "-p", "no:cacheprovider"],
            cwd=ROOT, env=ours, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= least  # type: ignore[index]
