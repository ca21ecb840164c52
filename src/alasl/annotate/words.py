"""The sentences of the page, in each language that there is: one file a language."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from alasl.project.doubts import WORDS

Catalogue = dict[str, str | dict[str, str]]

_FOLDER = Path(__file__).parent / "words"
DEFAULT = "en"
# Holds a language that somebody chose.
COOKIE = "alasl-language"
LANGUAGES: tuple[str, ...] = tuple(sorted(file.stem for file in _FOLDER.glob("*.json")))


@cache
def catalogue(language: str) -> Catalogue:
    """Every sentence of a language, by its key; one that counts has a form for each plural.

    What is doubted is said in English as the commands say it.
    """
    found: Catalogue = json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    if language == DEFAULT:
        found |= {f"owner.doubt.{kind}": forms for kind, forms in WORDS.items()}
    return found


def chosen(cookie: str | None, accepted: str) -> str:
    """The language that a person chose, else the first that the browser names and there is.

    accepted: its Accept-Language header, such as `de-AT,de;q=0.9,en;q=0.5`.
    """
    if cookie in LANGUAGES:
        return cookie
    ranked = []
    for place, part in enumerate(accepted.split(",")):
        name, _, quality = part.partition(";q=")
        try:
            weight = float(quality or 1)
        except ValueError:
            weight = 0.0
        ranked.append((-weight, place, name.strip().split("-")[0].lower()))
    return next((name for _, _, name in sorted(ranked) if name in LANGUAGES), DEFAULT)


def spoken(cookies: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, object]:
    """What a page's template needs to speak the language of who asks for it."""
    language = chosen(cookies.get(COOKIE), headers.get("accept-language", ""))
    return {
        "language": language,
        "languages": {one: catalogue(one)["language"] for one in LANGUAGES},
        "t": catalogue(language),
    }
