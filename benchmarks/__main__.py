"""`python -m benchmarks [NAME ...]`: run the named benchmarks, or all of them."""

from __future__ import annotations

import importlib
import sys

NAMES = ("run", "features", "solver", "strategies", "stream", "study")


def main(names: list[str]) -> None:
    """Run benchmarks one after the other."""
    for name in names or NAMES:
        print(f"== {name}", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
