"""Networks: memory that one layer frees is the next layer's, not the kernel's."""

from __future__ import annotations

import sys

import pytest

from warm import Python

# Large blocks taken, filled and freed, one after another; prints how often a page was missing.
PROGRAM = """
import resource
import sys
import torch
from alasl.models.memory import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
for _ in range(20):
    torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(2**24)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_freed_memory_is_taken_again(python: Python) -> None:
    def missing(how: str) -> int:
        done = python("-c", PROGRAM, how)
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    assert missing("kept") < missing("given back") / 5
