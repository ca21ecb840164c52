"""In which precision a probe's products are computed."""

from __future__ import annotations

import pytest
import torch

from alasl.models.device import small_products


@pytest.mark.parametrize(("fast", "expected"), [(False, "medium"), (True, "highest")])
def test_products_are_never_rounded_to_bfloat16(
    fast: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alasl.models.device.has_fast_bfloat16", lambda _: fast)
    before, threads = torch.get_float32_matmul_precision(), torch.get_num_threads()
    torch.set_float32_matmul_precision("highest")
    try:
        with small_products(torch.device("cpu")):
            assert torch.get_float32_matmul_precision() == expected
            assert torch.get_num_threads() == 1
        assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_num_threads() == threads
    finally:
        torch.set_float32_matmul_precision(before)
