"""Names that attack: shown as the text they are, by server and browser, in every place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from .conftest import MakeProject, Site, View

pytestmark = pytest.mark.slow

ATTACKS = (
    "<script>window.broken = 1</script>",
    "<img src=x onerror='window.broken = 1'>",
    "</option></select><script>window.broken = 1</script>",
    '"><svg onload=window.broken=1>',
    "' onmouseover='window.broken=1",
    "{{ 7 * 7 }}{% raw %}${7 * 7}",
    "javascript:window.broken=1",
    '=HYPERLINK("http://evil.example")',
    "‮gnp.cod⁦",
    "two\nlines\tand tab",
    "&lt;b&gt; &amp; &#x3c;",
    "__proto__",
    "constructor",
    "a" * 300,
    "–𝔘𝔫𝔦é́",
)


def test_attacking_names_are_text_and_no_script_runs(
    make_project: MakeProject,
    serve: Callable[..., Site],
    view: View,
) -> None:
    names = ATTACKS
    labels = len(names)
    files = ["<img src=x onerror=window.broken=1>.jpg", 'a"onload="b.jpg', "\udcff\udcfe.jpg"]
    entries = np.full((3, labels), -1, np.int8)
    entries[0, : labels // 2] = 1
    entries[0, labels // 2] = 0
    project = make_project(names=names, files=files, entries=entries)
    project.ask([(i, j) for i in range(3) for j in range(labels) if entries[i, j] == -1])
    view.page.add_init_script(
        "window.breaches = [];"
        "addEventListener('securitypolicyviolation', (e) => breaches.push(e.violatedDirective));"
    )
    site = serve(project)
    view.open(site, person="<b onclick=window.broken=1>Ann</b>")
    view.ready()
    half = labels // 2 + 1
    assert view.asked() == list(names[half:])
    shown = view.page.locator("#known dd bdi").all_text_contents()
    assert shown == list(names[:half])
    assert view.image() == f"Image {files[0]}"
    listed = view.page.locator("#label option").all_text_contents()
    assert listed == [f"{name} ({2 + (j >= half)} left)" for j, name in enumerate(names)]
    groups = view.page.locator("#asked .label")
    for place, name in enumerate(names[half:]):
        said = groups.nth(place).get_attribute("aria-label")
        assert said == f"{name}, {place + 1} of {labels - half}"
    view.press("j", "/")
    view.page.fill("#find-label", names[-1])
    view.press("Enter", "j", "Enter")
    view.ready()
    assert view.image() == f"Image {files[1]}"
    view.press("Enter")
    view.ready()
    assert view.image() == "Image ??.jpg"
    view.press("m")
    for place, name in enumerate(names):
        view.page.select_option("#label", str(place), force=True)
        if view.page.locator("#label option").nth(place).is_enabled():
            view.until(f"document.body.dataset.ready && settings.label === {place}")
            assert view.page.locator("#tick-label").text_content() == name
    view.press("h")
    assert view.page.input_value("#rename") == "<b onclick=window.broken=1>Ann</b>"
    view.saved()
    assert view.page.evaluate("window.broken") is None
    assert view.page.evaluate("breaches") == []
    scripts = view.page.locator("script")
    assert scripts.evaluate_all("all => all.map(one => one.type)") == [
        *["application/json"] * 3, "module",
    ]  # fmt: skip
    assert view.page.locator("img:not(#cells img)").count() == 0


def test_the_content_policy_is_what_stops_a_script(
    make_project: MakeProject, serve: Callable[..., Site], view: View
) -> None:
    # Otherwise the test above would prove little: here an attack is let into the page by force.
    view.expected = ("TrustedHTML",)
    view.open(serve(make_project()), person=None)
    refused = view.page.evaluate(
        """() => {
          try { document.body.innerHTML = "<img src=x onerror='window.broken = 1'>"; }
          catch (error) { return error.name; }
        }"""
    )
    assert refused == "TypeError"
    assert view.page.evaluate("window.broken") is None
