"""One self-contained HTML page: no script, no network, everything inline, every name escaped."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from functools import cache
from typing import TYPE_CHECKING, Any

from alasl.drawing import INK
from alasl.figures import svg, thousands

if TYPE_CHECKING:
    from jinja2 import Environment
    from matplotlib.figure import Figure

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


def render(package: str, template: str, **values: Any) -> str:
    """A page from a template of a package; it may extend `base.html.j2` and use our filters."""
    html = _environment(package).get_template(template).render(**values)
    # A file name may hold bytes that are no text.
    return html.encode("utf-8", "replace").decode("utf-8")


@cache
def _environment(package: str) -> Environment:
    """Kept, as its templates are compiled but once."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "."), PackageLoader("alasl.report", ".")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": thousands, "fixed": fixed, "signed": signed}
    return environment


def fixed(value: float | None, digits: int = 1, sign: str = "-") -> str:
    """A number with a fixed count of decimals, a dash where it is undefined.

    sign: "+" where it stands before all numbers, "-" where it stands before those below 0.
    """
    if value is None or math.isnan(value):
        return "–"
    return f"{value:{sign}.{digits}f}".replace("-", "−")


def signed(value: float | None, digits: int = 1) -> str:
    """A change with its sign, as `fixed`."""
    return fixed(value, digits, "+")


def inline(figure: Figure, prefix: str, says: str) -> Any:
    """The figure as an <svg> element for the page: its ink is the page's, its ids its own."""
    from markupsafe import Markup

    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    root = ElementTree.fromstring(svg(figure, background="none"))
    for parent in list(root.iter()):
        for child in list(parent):
            # The style would hold for the whole page.
            if child.tag.endswith("}metadata") or child.tag.endswith("}style"):
                parent.remove(child)
        for key, value in parent.attrib.items():
            if key == "id":
                parent.set(key, f"{prefix}-{value}")
            elif key == f"{{{_XLINK}}}href":
                parent.set(key, value.replace("#", f"#{prefix}-"))
            else:
                value = value.replace("url(#", f"url(#{prefix}-")
                parent.set(key, value.replace(INK, "currentColor"))
    for key in ("width", "height"):
        del root.attrib[key]
    root.attrib |= {"role": "img", "aria-label": says}
    return Markup(ElementTree.tostring(root, encoding="unicode"))
