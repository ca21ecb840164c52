"""Tasks of Label Studio projects that ALASL did not make: their image, and what was chosen."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from alasl.data.images import KNOWN
from alasl.errors import DataError

# What a task's image is usually called in its data, where several fields hold a text.
_USUAL = ("image", "img", "photo", "picture", "url")
_LABELS = "labels"  # how the kinds of results that mark a place end: rectanglelabels, ...


def image_of(data: dict[str, Any], where: str) -> str:
    """The image's id: its path or address, of an upload or a local file its name.

    Raises a `DataError` where it is not clear which field of the task is the image.
    """
    texts = {key: value for key, value in data.items() if isinstance(value, str) and value}
    usual = [key for key in texts if key.casefold() in _USUAL]
    files = [key for key, value in texts.items() if _ending(value) in KNOWN]
    for keys in (usual, files, list(texts)):
        if len(keys) == 1:
            return _name(texts[keys[0]])
    raise DataError(
        "it is not clear which field of 'data' is the image",
        where=where,
        seen=", ".join(map(repr, data)) or "nothing",
        do=f"call it {_USUAL[0]!r}",
    )


def chosen(result: list[Any], where: str) -> frozenset[str]:
    """The labels that an annotation has, of choices and of marks at a place in the image."""
    labels: set[str] = set()
    for item in result:
        kind = item.get("type") if isinstance(item, dict) else None
        if not isinstance(kind, str) or not (kind == "choices" or kind.endswith(_LABELS)):
            continue  # a text, a number or a relation is no label
        value = item.get("value")
        names = value.get(kind) if isinstance(value, dict) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(f"{kind!r} must be a list of texts", where=where, seen=repr(value)[:80])
        labels.update(names)
    return frozenset(labels)


def _name(image: str) -> str:
    address = urlsplit(image) if image.startswith("/data/") else None
    if address is None:
        return image
    if address.path.startswith("/data/upload/"):
        return unquote(address.path).rpartition("/")[2] or image
    return parse_qs(address.query).get("d", [image])[0] or image


def _ending(value: str) -> str:
    return os.path.splitext(_name(value).partition("?")[0])[1].lower()  # noqa: PTH122
