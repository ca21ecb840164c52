"""In which precision, on which device, and by how many at once things are computed."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from alasl.cli import exit_code
from alasl.errors import UsageError
from alasl.models.device import exactly, small_products
from alasl.models.distributed import join
from alasl.study import engine


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


def test_a_gpu_convolves_in_full_precision_and_the_same_each_time() -> None:
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.deterministic
    with exactly(torch.device("cuda")):
        assert (cudnn.allow_tf32, cudnn.deterministic) == (False, True)
    with exactly(torch.device("cpu")):
        assert (cudnn.allow_tf32, cudnn.deterministic) == before
    assert (cudnn.allow_tf32, cudnn.deterministic) == before


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(UsageError, match=r"a GPU for each(.|\n)*--nproc-per-node 1"):
        join("cuda")


@pytest.mark.parametrize(
    ("gigabytes", "processors", "expected"),
    [(80, 16, 4), (80, 8, 2), (80, 2, 1), (16, 16, 2), (4, 16, 1)],
)
def test_a_gpu_is_shared_as_far_as_memory_and_processors_go(
    gigabytes: int, processors: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "processors", lambda: processors)
    assert engine._sharing(gigabytes * 2**30) == expected


def test_a_full_gpu_is_no_bug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("alasl.cli.app.main", fail)
    assert exit_code(["demo"]) == 5
    assert capsys.readouterr().err == "error: there is not enough memory on the GPU for this\n"


def test_trainings_take_the_first_place_of_each_gpu_before_the_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    def device(number: int) -> AbstractContextManager[None]:
        taken.append(number)
        return nullcontext()

    monkeypatch.setattr(engine, "processors", lambda: 8)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    large = SimpleNamespace(total_memory=2**36)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: large)
    monkeypatch.setattr(torch.cuda, "device", device)
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(engine._one_device(tmp_path))
    assert taken == [0, 1, 0, 1]
