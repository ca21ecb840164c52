"""The browser that benchmarks of the page drive."""

from __future__ import annotations

import os
import shutil

# Without these Chromium looks for its maker's hosts, and waits.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser() -> str | None:
    """Any Chromium or Chrome of this machine, or what CHROME names."""
    named = os.environ.get("CHROME")
    names = [named] if named else ["chromium", "chromium-browser", "google-chrome", "chrome"]
    return next((path for name in names if (path := shutil.which(name))), None)
