"""A network's passes on a GPU, recorded once and replayed: the same sums, launched in one go.

A step is thousands of short kernels, and a processor takes several times as long to launch them as
a GPU takes to compute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from alasl.errors import UsageError


@dataclass(frozen=True)
class _Recording:
    images: Tensor
    logits: Tensor
    slopes: Tensor
    gradients: list[Tensor | None]
    forward: torch.cuda.CUDAGraph
    backward: torch.cuda.CUDAGraph


class Replayed:
    """The forward and backward passes of a network in training, one recording for each batch size.

    passes: from images (n, 3, S, S) to logits (n, L), through `network`.
    """

    def __init__(self, network: nn.Module, passes: Callable[[Tensor], Tensor]) -> None:
        self._network, self._passes = network, passes
        self._parameters = list(network.parameters())
        self._pool = torch.cuda.graph_pool_handle()
        self._recordings: dict[torch.Size, _Recording] = {}

    def logits(self, images: Tensor) -> Tensor:
        """(n, L): the logits of images, which only `backward` goes back from.

        Raises `UsageError` where the network cannot be recorded.
        """
        recording = self._recording(images)
        recording.images.copy_(images)
        recording.forward.replay()
        return recording.logits.detach().clone().requires_grad_()

    def backward(self, images: Tensor, slopes: Tensor) -> None:
        """Set the parameters' gradients, from that of the last logits that were given, (n, L)."""
        recording = self._recording(images)
        recording.slopes.copy_(slopes)
        recording.backward.replay()
        for parameter, gradient in zip(self._parameters, recording.gradients, strict=True):
            parameter.grad = gradient

    def _recording(self, images: Tensor) -> _Recording:
        if images.shape not in self._recordings:
            try:
                self._recordings[images.shape] = self._record(images.clone())
            except torch.OutOfMemoryError:
                raise
            except RuntimeError as error:
                raise UsageError(
                    "this network's passes cannot be recorded on the GPU",
                    seen=str(error).splitlines()[0],
                    do="--model finetune:replay=false",
                ) from error
        return self._recordings[images.shape]

    def _record(self, images: Tensor) -> _Recording:
        device = images.device
        # Without threads of its own, a backward pass is recorded where it is called.
        alone = torch.autograd.set_multithreading_enabled(False)
        with torch.cuda.device(device), _unchanged(self._network, device), alone:
            self._warm(images)
            forward, backward = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
            # By thread: a loader's thread goes on pinning memory meanwhile.
            with torch.cuda.graph(forward, self._pool, capture_error_mode="thread_local"):
                logits = self._passes(images)
            slopes = torch.zeros_like(logits)
            with torch.cuda.graph(backward, self._pool, capture_error_mode="thread_local"):
                logits.backward(slopes)  # type: ignore[no-untyped-call]
            gradients = [parameter.grad for parameter in self._parameters]
        return _Recording(images, logits.detach(), slopes, gradients, forward, backward)

    def _warm(self, images: Tensor) -> None:
        """Let libraries make ready what may not be recorded."""
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(2):
                logits = self._passes(images)
                logits.backward(torch.zeros_like(logits))  # type: ignore[no-untyped-call]
        torch.cuda.current_stream().wait_stream(beside)
        self._network.zero_grad()


@contextmanager
def _unchanged(network: nn.Module, device: torch.device) -> Iterator[None]:
    """Leave a network's running statistics and the GPU's random numbers as they were."""
    kept = [(buffer, buffer.clone()) for buffer in network.buffers()]
    state = torch.cuda.get_rng_state(device)
    try:
        yield
    finally:
        for buffer, before in kept:
            buffer.copy_(before)
        torch.cuda.set_rng_state(state, device)
