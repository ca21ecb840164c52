"""Which device computes, and in which precision."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from alasl.data.inputs import Inputs
from alasl.models.transforms import Applied

# The features that are on a device already, by the array that they came from.
_THERE: dict[tuple[int, torch.device], Tensor] = {}


def pick_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def use_gpu(number: int) -> None:
    """Let this process compute on the GPU of a number, in turn, where there are any."""
    if torch.cuda.is_available():
        torch.cuda.set_device(number % torch.cuda.device_count())


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware, so that inference in it is faster."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


@contextmanager
def small_products(device: torch.device) -> Iterator[None]:
    """Compute a probe's many small products as fast as the CPU can within the block.

    On one thread: waiting for a second costs more than it helps, and sums are rounded alike on any
    number of cores. And by oneDNN in place of MKL, which "medium" allows: a quarter less time, the
    same mAP to three decimals; but not on a processor with bfloat16, which "medium" would round to.
    On a GPU nothing changes.
    """
    threads, precision = torch.get_num_threads(), torch.get_float32_matmul_precision()
    torch.set_num_threads(1)
    if device.type == "cpu" and not has_fast_bfloat16(device):
        torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_float32_matmul_precision(precision)


@contextmanager
def exactly(device: torch.device) -> Iterator[None]:
    """On a GPU, convolve in full float32, and in the same order each time, within the block.

    cuDNN would round what it multiplies to ten bits (TF32), and might add up in any order. On the
    CPU nothing changes.
    """
    if device.type != "cuda":
        yield
        return
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.deterministic
    cudnn.allow_tf32, cudnn.deterministic = False, True
    try:
        yield
    finally:
        cudnn.allow_tf32, cudnn.deterministic = before


def all_of(inputs: Inputs, device: torch.device) -> Tensor:
    """(M, D): the features of all images that `inputs` is a view of, on a device, float32.

    On the CPU they share their memory with the array; elsewhere they are sent once.
    """
    array = inputs.features if inputs.features is not None else inputs.array()
    if isinstance(array, Applied):
        array = array[:]
    if device.type == "cpu":
        return torch.from_numpy(np.require(array, np.float32, ["C", "W"]))
    key = (id(array), device)
    if key not in _THERE:
        _THERE[key] = torch.from_numpy(np.require(array, np.float32, ["C", "W"])).to(device)
        weakref.finalize(array, _THERE.pop, key, None)
    return _THERE[key]


def tensor_of(inputs: Inputs, device: torch.device) -> Tensor:
    """(N, D): the features of `inputs` on a device, float32."""
    if isinstance(inputs.features, Applied):
        return torch.from_numpy(inputs.array()).to(device)
    whole = all_of(inputs, device)
    if inputs.rows is None:
        return whole
    return whole.index_select(0, torch.as_tensor(inputs.rows, device=device))
