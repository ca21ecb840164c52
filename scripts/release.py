"""Make the files of a release, and check them as whoever installs them would.

python scripts/release.py [DIST]

The version and the changelog are checked first. Then the source archive is built, and the wheel
from it; twine checks both; each is installed into an empty environment and used there. Nothing is
uploaded.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ("build>=1.2", "twine>=6.1")
# What everybody does first, in this order, in an empty folder.
FIRST = (
    "scenes scenes --count 60 --quiet",
    "check scenes --quiet",
    "run scenes --answers 20 --rounds 1 --out run --quiet",
    "report run",
)
# What stands in [project.urls] until the repository has an address; no host may have this ending.
NO_ADDRESS = ".invalid"


def project(root: Path = ROOT) -> dict:
    """The table [project] of pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def faults(root: Path = ROOT) -> list[str]:
    """What keeps this state from being released; empty where nothing does."""
    about, found = project(root), []
    version = about["version"]
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[(.+?)\](.*)$", changelog, re.MULTILINE)
    if newest is None or newest[1] != version:
        found.append(f"CHANGELOG.md: the first heading must be ## [{version}] - YYYY-MM-DD")
    elif not re.fullmatch(r" - \d{4}-\d\d-\d\d", newest[2]):
        found.append(f"CHANGELOG.md: the heading of {version} must end with its date")
    if f"\nversion: {version}\n" not in (root / "CITATION.cff").read_text(encoding="utf-8"):
        found.append(f"CITATION.cff: the version must be {version}")
    for name, address in about["urls"].items():
        if NO_ADDRESS in address:
            found.append(
                f"pyproject.toml: [project.urls] {name} is still the placeholder {address}"
            )
    return found


def holds(file: Path) -> set[str]:
    """The files in a wheel or a source archive, of the latter without its own folder."""
    if file.suffix == ".whl":
        with zipfile.ZipFile(file) as wheel:
            return set(wheel.namelist())
    with tarfile.open(file) as archive:
        return {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}


def missing(wheel: Path, source: Path, root: Path = ROOT) -> list[str]:
    """The package's files that an archive lacks, and strange ones in the wheel."""
    listed = ["git", "ls-files", "-z", "src"]
    named = subprocess.run(listed, cwd=root, check=True, capture_output=True, text=True).stdout
    files = {name for name in named.split("\0") if name}
    inside = {name.removeprefix("src/") for name in files}
    more = {name for name in holds(wheel) if not name.split("/")[0].endswith(".dist-info")}
    wanted = files | {"README.md", "CHANGELOG.md", "LICENSE", "CITATION.cff", "pyproject.toml"}
    found = [f"{wheel.name}: {name} is missing" for name in sorted(inside - more)]
    found += [f"{wheel.name}: {name} does not belong there" for name in sorted(more - inside)]
    found += [f"{source.name}: {name} is missing" for name in sorted(wanted - holds(source))]
    return found


def environment(place: Path, *packages: str) -> Path:
    """An environment with nothing but these packages; its folder of programs."""
    venv.create(place, with_pip=True)
    programs = place / ("Scripts" if sys.platform == "win32" else "bin")
    install = [programs / "python", "-m", "pip", "install", "--quiet", *packages]
    subprocess.run(install, check=True)
    return programs


def use(programs: Path, version: str) -> None:
    """What everybody does first, with what was installed. Raises `SystemExit` where it fails."""
    with tempfile.TemporaryDirectory() as empty:

        def alasl(words: str) -> str:
            done = subprocess.run(
                [programs / "alasl", *words.split()],
                cwd=empty,
                check=False,
                capture_output=True,
                text=True,
            )
            if done.returncode:
                raise SystemExit(f"alasl {words} ends with {done.returncode}:\n{done.stderr}")
            return done.stdout

        if version not in alasl("--version"):
            raise SystemExit(f"alasl --version does not say {version}")
        for words in FIRST:
            alasl(words)
        print(f"{programs.parent.name}: installed, and used in an empty folder")


def stop_at(found: list[str]) -> None:
    """End here if something was found."""
    if found:
        raise SystemExit("\n".join(["this cannot be released:", *(f"  {each}" for each in found)]))


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dist", type=Path, nargs="?", default=ROOT / "dist")
    parser.add_argument(
        "--rehearse", action="store_true", help="go on with a state that is not to be released"
    )
    given = parser.parse_args()
    found, version = faults(), project()["version"]
    if given.rehearse:
        print("\n".join(["a rehearsal; for a release there is still to do:", *found]))
    else:
        stop_at(found)
    if given.dist.exists() and any(given.dist.iterdir()):
        raise SystemExit(f"{given.dist}: this folder must be empty, so that nothing old is in it")
    with tempfile.TemporaryDirectory() as place:
        tools = environment(Path(place) / "tools", *TOOLS)
        python = [str(tools / "python"), "-m"]
        subprocess.run([*python, "build", "--outdir", given.dist, ROOT], check=True)
        (wheel,), (source,) = given.dist.glob("*.whl"), given.dist.glob("*.tar.gz")
        stop_at(missing(wheel, source))
        subprocess.run([*python, "twine", "check", "--strict", wheel, source], check=True)
        for name, file in (("wheel", wheel), ("source", source)):
            use(environment(Path(place) / name, str(file)), version)
    print(f"good: to publish them, python -m twine upload {given.dist}/*")


if __name__ == "__main__":
    main()
