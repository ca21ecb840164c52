"""Several processes that train one network, as torchrun starts them; or just this one."""

from __future__ import annotations

import atexit
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from alasl.errors import UsageError
from alasl.models.device import pick_device


@dataclass(frozen=True)
class Ranks:
    """This process's number among `count` that run the same program."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, items: NDArray[Any]) -> NDArray[Any]:
        """This process's part of `items` (n, ...); the parts in rank order are the whole."""
        return np.array_split(items, self.count)[self.rank]

    def gather(self, part: NDArray[Any]) -> NDArray[Any]:
        """The whole, on every process, from each one's part (n, ...)."""
        if self.count == 1:
            return part
        parts: list[Any] = [None] * self.count
        dist.all_gather_object(parts, part)
        return np.concatenate(parts)

    def total(self, number: Tensor) -> Tensor:
        """The sum of every process's number."""
        if self.count > 1:
            number = number.clone()
            dist.all_reduce(number)
        return number

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Set each tensor to its mean over the processes."""
        if self.count == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        dist.all_reduce(flat)
        means = torch.split(flat / self.count, [tensor.numel() for tensor in tensors])
        for tensor, mean in zip(tensors, means, strict=True):
            tensor.copy_(mean.view_as(tensor))

    def wait(self) -> None:
        """Until every process is here."""
        if self.count > 1:
            dist.barrier()

    def wrap(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network with its gradients averaged over the processes in each backward pass."""
        if self.count == 1:
            return network
        ids = [device.index] if device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=ids, broadcast_buffers=False)


def join(device: str = "auto") -> tuple[torch.device, Ranks]:
    """The device of this process, and its place among those that torchrun started with it.

    device: auto, cpu, cuda or cuda:1. Raises `UsageError` where it cannot be had.
    """
    try:
        chosen = pick_device() if device == "auto" else torch.device(device)
    except RuntimeError as error:
        raise UsageError(f"there is no device {device!r}", do="use auto, cpu or cuda") from error
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"there is no device {device!r} here",
            seen=f"{torch.cuda.device_count()} CUDA devices",
            do="use --device cpu or auto",
        )
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return chosen, Ranks()
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        if (chosen.index or 0) >= torch.cuda.device_count():
            raise UsageError(
                "there must be a GPU for each process",
                seen=f"{os.environ.get('LOCAL_WORLD_SIZE', os.environ['WORLD_SIZE'])} processes, "
                f"{torch.cuda.device_count()} GPUs",
                do=f"--nproc-per-node {torch.cuda.device_count()}, or --model finetune:device=cpu",
            )
        torch.cuda.set_device(chosen)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
        atexit.register(dist.destroy_process_group)
    return chosen, Ranks(dist.get_rank(), dist.get_world_size())
