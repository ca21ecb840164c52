"""The pages of the site that are made from the code, and what stands beside docs/: an mkdocs hook.

The reference has a page for each public name, command, strategy, loss and format. Nothing here is
a list to keep: a part that is registered has its page.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import inspect
import json
import posixpath
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import alasl
from alasl.cli import app
from alasl.data.formats import FORMATS
from alasl.losses.base import LOSSES
from alasl.models.registry import MODELS
from alasl.registry import Registry
from alasl.strategies.base import STRATEGIES

ROOT = Path(__file__).resolve().parents[1]
# Files beside docs/, and their pages on the site.
BESIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "conduct.md",
}
# Links to folders, and the pages that they lead to.
FOLDERS = {
    "docs/results": "results/efficiency/README.md",
    "docs/examples": "examples/label.md",
    "src/alasl/strategies": "reference/index.md#strategies",
    "src/alasl/losses": "reference/index.md#losses",
    "src/alasl/models": "reference/index.md#models",
}
# Files that the site has as they are.
AS_THEY_ARE = {
    "LICENSE": "LICENSE.txt",
    "scripts/iframe-worker.js": "assets/javascripts/iframe-worker.js",
}
# What the theme would have a browser fetch from elsewhere, and what stands here.
FETCHED = {"https://unpkg.com/iframe-worker/shim": AS_THEY_ARE["scripts/iframe-worker.js"]}
# Characters of a command's help in a line: more are cut at the edge of the page's column.
HELP_WIDTH = 80
CSS = """
.md-typeset table:not([class]) { font-size: .7rem; }
.md-typeset pre > code { font-size: .72rem; }
.md-typeset td:first-child code { white-space: nowrap; } /* names whole */
.md-grid { max-width: 72rem; }
"""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The site's own address, where the repository has one.

    Raises `PluginError` where ALASL would be read from another checkout than the pages.
    """
    import tomllib

    read_from = Path(alasl.__file__).resolve()
    if not read_from.is_relative_to(ROOT):
        raise PluginError(
            f"alasl is imported from {read_from.parent}, and the pages are in {ROOT}: run `make "
            "docs` there, or set PYTHONPATH=src"
        )
    about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = about["urls"]["Repository"]
    if ".invalid" not in address:
        config.repo_url, config.site_url = address, about["urls"]["Documentation"]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made, and their part of the navigation."""
    made = dict(pages())
    for name, content in {**made, "site.css": CSS}.items():
        files.append(File.generated(config, name, content=content))
    for name, place in AS_THEY_ARE.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        files.append(File.generated(config, place, content=text))
    assert config.nav is not None
    for group in config.nav:
        if group.get("Reference") == "reference/":
            group["Reference"] = navigation(made)
    return files


def on_post_build(config: MkDocsConfig) -> None:
    """Nothing is fetched from elsewhere."""
    site = Path(config.site_dir)
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for far, here in FETCHED.items():
            near = posixpath.relpath(here, page.parent.relative_to(site).as_posix())
            text = text.replace(far, near)
        page.write_text(text, encoding="utf-8")


def navigation(made: dict[str, str]) -> list[Any]:
    """The reference: its page, and each kind of part with a page for each."""
    groups: dict[str, list[str]] = {}
    for name in made:
        parts = name.split("/")
        if parts[0] == "reference" and len(parts) == 3:
            groups.setdefault(parts[1].capitalize(), []).append(name)
    return ["reference/index.md", *({group: names} for group, names in groups.items())]


def pages() -> Iterator[tuple[str, str]]:
    """Every page that is made: its place and its content."""
    for file, place in BESIDE.items():
        yield place, relinked((ROOT / file).read_text(encoding="utf-8"), file)
    for file in sorted((ROOT / "docs" / "examples").glob("*.ipynb")):
        yield f"examples/{file.stem}.md", notebook(file)
    kinds = {
        "python": {name: public(name) for name in alasl.__all__},
        "commands": {name: command(name) for name in app.list_commands(click.Context(app))},
        **{
            kind: {part.name: page(part, parts.source(part.name)) for part in ours(parts)}
            for kind, (parts, page) in PARTS.items()
        },
    }
    lines = ["# Reference", "", "Made from the code.", ""]
    for kind, found in kinds.items():
        lines += [f"## {kind.capitalize()}", ""]
        for name, text in found.items():
            place = f"{kind}/{file_name(name)}.md"
            yield f"reference/{place}", text
            lines.append(f"- [`{name}`]({place}): {first_words(text)}")
        lines.append("")
    yield "reference/index.md", "\n".join(lines)


def first_words(page: str) -> str:
    """The first paragraph below a page's title that is not code."""
    found = re.search(r"\A# [^\n]*\n+(?:```.*?\n```\n+)?(.+)", page, re.DOTALL)
    assert found is not None
    return found[1].split("\n\n")[0].replace("\n", " ")


def notebook(file: Path) -> str:
    """A notebook as a page."""
    blocks = []
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        blocks.append(text if cell["cell_type"] == "markdown" else f"```python\n{text}\n```")
        for output in cell.get("outputs", ()):
            data = output.get("data", {"text/plain": output.get("text", ())})
            if "image/svg+xml" in data:
                picture = base64.b64encode("".join(data["image/svg+xml"]).encode()).decode()
                words = html.escape(text.splitlines()[-1])
                blocks.append(f'<img alt="{words}" src="data:image/svg+xml;base64,{picture}">')
            else:
                blocks.append(f"```text\n{''.join(data['text/plain'])}\n```")
    blocks.append(f"[The notebook]({file.name}): run it, change it.")
    return "\n\n".join(blocks) + "\n"


def ours(parts: Registry[Any]) -> list[Any]:
    """The parts of the package; what somebody has installed does not belong on the site."""
    return [
        part for name, part in parts.items() if parts.source(name).__module__.startswith("alasl.")
    ]


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Links to files beside docs/ lead to their pages."""
    return markdown if page.file.generated_by else relinked(markdown, f"docs/{page.file.src_uri}")


def relinked(text: str, file: str) -> str:
    """A file's text with its links as they are on the site; what is not there loses its link."""
    place = BESIDE.get(file, file.removeprefix("docs/"))

    def lead(found: re.Match[str]) -> str:
        words, target, anchor = found[1], found[2], found[3] or ""
        if re.match(r"https?:", target):
            return found[0]
        full = posixpath.normpath(posixpath.join(posixpath.dirname(file), target))
        on_site = BESIDE.get(full, AS_THEY_ARE.get(full, full.removeprefix("docs/")))
        if full in FOLDERS:
            on_site = FOLDERS[full]
        elif on_site == full:
            return words
        return f"[{words}]({posixpath.relpath(on_site, posixpath.dirname(place) or '.')}{anchor})"

    return re.sub(r"\[([^]]*)\]\(([^)#\s]+)(#[^)\s]*)?\)", lead, text)


def file_name(name: str) -> str:
    """A part's name as that of a file."""
    return name.replace("+", "-and-")


def where(thing: Any) -> str:
    """Where a part stands."""
    file = Path(inspect.getsourcefile(inspect.unwrap(thing)) or "").resolve()
    return f"Source: `{file.relative_to(ROOT).as_posix()}`"


def page_of(each: Any, source: Any, facts: dict[str, str], example: str, more: str) -> str:
    """The page of a part: what it is, facts about it, what can be set, how it is called."""
    head = f"| {' | '.join(facts)} |\n|{' --- |' * len(facts)}\n| {' | '.join(facts.values())} |\n"
    settings = "Nothing can be set."
    if each.parameters:
        rows = [f"| `{p.name}` | `{p.default}` | {p.allowed} |" for p in each.parameters]
        settings = "\n".join(["| can be set | default | may be |", "| --- | --- | --- |", *rows])
    blocks = [f"# {each.name}", each.about, head if facts else "", settings]
    blocks += [f"```sh\n{example}\n```", rest(source.__doc__)]
    if source.__module__.split(".")[-1] == file_name(each.name).replace("-", "_"):
        blocks.append(rest(sys.modules[source.__module__].__doc__))
    blocks.append(f"{more} · {where(source)}")
    return "\n\n".join(block for block in blocks if block) + "\n"


def strategy(each: Any, source: Any) -> str:
    """The page of a strategy."""
    facts = {"from": each.paper or "-", "scores": f"each {each.unit}"}
    facts |= {"needs": ", ".join(sorted(each.needs)) or "-", "work": each.work}
    more = "[How strategies compare](../../strategies.md)"
    return page_of(each, source, facts, f"alasl run DATA --strategy {each.name}", more)


def loss(each: Any, source: Any) -> str:
    """The page of a loss."""
    facts = {"from": each.paper, "an unknown entry is": each.unknown}
    facts |= {"it remembers": each.state or "nothing"}
    more = "[Which to use when](../../losses.md)"
    return page_of(each, source, facts, f"alasl run DATA --model probe --loss {each.name}", more)


def model(each: Any, source: Any) -> str:
    """The page of a model."""
    more = "[What each can do](../../models.md)"
    return page_of(each, source, {}, f"alasl run DATA --model {each.name}", more)


def table_format(each: Any, source: Any) -> str:
    """The page of a format."""
    facts = {"ends in": ", ".join(f"`{end}`" for end in each.suffixes) or "a folder"}
    facts |= {"can be written": "yes" if each.write else "no"}
    facts |= {"carries features": "yes" if each.carries_features else "no"}
    more = "[All formats, with examples](../../formats.md)"
    return page_of(each, source, facts, f"alasl check DATA --format {each.name}", more)


PARTS: dict[str, tuple[Registry[Any], Callable[[Any, Any], str]]] = {
    "strategies": (STRATEGIES, strategy),
    "losses": (LOSSES, loss),
    "models": (MODELS, model),
    "formats": (FORMATS, table_format),
}


def command(name: str) -> str:
    """The page of a command: what `--help` says."""
    found = app.get_command(click.Context(app), name)
    assert found is not None
    context = click.Context(found, info_name=f"alasl {name}", terminal_width=HELP_WIDTH)
    lines = [f"# alasl {name}", "", found.get_short_help_str(200), "", "```text"]
    lines += [context.get_help(), "```", ""]
    if isinstance(found, click.Group):
        for each in found.list_commands(context):
            inner = found.get_command(context, each)
            assert inner is not None
            below = click.Context(inner, info_name=each, parent=context, terminal_width=HELP_WIDTH)
            lines += [f"## {name} {each}", "", "```text", below.get_help(), "```", ""]
    return "\n".join(lines)


def public(name: str) -> str:
    """The page of a public name: its signature and docstring, and those of its methods."""
    thing = getattr(alasl, name)
    lines = [f"# alasl.{name}", "", signature(thing, name), "", docstring(thing.__doc__), ""]
    if inspect.isclass(thing):
        lines += fields(thing)
        ours = [each for each in thing.__mro__ if each.__module__.startswith("alasl.")]
        # Its own first, then what it has from others of ours.
        methods: dict[str, Any] = {}
        for each in ours:
            methods = {**methods, **{k: v for k, v in vars(each).items() if k not in methods}}
        for method, found in methods.items():
            inner = getattr(found, "__func__", found)
            if method.startswith("_") or not callable(getattr(thing, method, None)):
                continue
            lines += [f"## {method}", "", signature(getattr(thing, method), method), ""]
            lines += [docstring(inner.__doc__), ""]
    return "\n".join([*lines, where(thing), ""])


def signature(thing: Any, name: str) -> str:
    """How it is called, an argument a line where they are many."""
    try:
        called = inspect.signature(thing)
    except ValueError:
        return ""
    text = f"{name}{called}"
    if len(text) > 80:
        inner = ",\n    ".join(str(p) for p in called.parameters.values())
        end = called.return_annotation
        arrow = "" if end is inspect.Signature.empty else f" -> {end}"
        text = f"{name}(\n    {inner},\n){arrow}"
    # Annotations are kept as text.
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)
    return f"```python\n{text}\n```"


def fields(thing: Any) -> list[str]:
    """What a dataclass of settings may hold, with its help."""
    if not dataclasses.is_dataclass(thing):
        return []
    told = [f for f in dataclasses.fields(thing) if f.metadata.get("about")]
    return [f"- `{f.name}`: {f.metadata['about']}" for f in told] + [""]


def docstring(text: str | None) -> str:
    """A docstring as Markdown: `name: what it is` in a list, examples as code."""
    blocks = []
    for block in inspect.cleandoc(text or "").split("\n\n"):
        if block.startswith(">>>"):
            blocks.append(f"```pycon\n{block}\n```")
        elif block.startswith("    ") or ("\n    " in block and "import " in block):
            blocks.append(f"```python\n{textwrap.dedent(block)}\n```")
        else:
            item = (
                r"(?:\A|(?<=\n))(\w[\w, ]{0,40}: |Raises )"
                if blocks
                else r"(?<=\n)(\w[\w, ]{0,40}: |Raises )"
            )
            blocks.append(re.sub(item, r"\n- \1", block))
    return "\n\n".join(blocks).replace("\n\n- ", "\n- ").replace("\n- ", "\n\n- ", 1)


def rest(text: str | None) -> str:
    """A docstring without its first line, which stands above."""
    return docstring(inspect.cleandoc(text or "").partition("\n\n")[2])
