"""The registry of losses, and what every loss does with its inputs and its terms."""

from __future__ import annotations

import difflib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, TypeVar, get_args

import torch
from torch import Tensor, nn

from alasl.errors import DataError, UsageError

Reduction = Literal["sum", "mean", "none"]

_REGISTRY: dict[str, type[nn.Module]] = {}
_Loss = TypeVar("_Loss", bound=type[nn.Module])


def loss(name: str) -> Callable[[_Loss], _Loss]:
    """Register a module under `name`; its keyword arguments are the loss's parameters.

    A module is called with (logits, targets); what it must remember over epochs are its buffers.
    """

    def register(module: _Loss) -> _Loss:
        if name in _REGISTRY:
            raise ValueError(f"two losses are named {name!r}: {_REGISTRY[name]}, {module}")
        _REGISTRY[name] = module
        return module

    return register


def available() -> dict[str, type[nn.Module]]:
    """Every loss by name: one for each file of this package that registers one."""
    import alasl.losses as package

    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(_REGISTRY.items()))


def resolve(name: str, **params: Any) -> nn.Module:
    """The loss called `name`. Raises `UsageError` where there is none, or it lacks a parameter."""
    losses = available()
    if name not in losses:
        near = difflib.get_close_matches(name, losses, n=1)
        raise UsageError(
            f"there is no loss called {name!r}",
            do=(f"did you mean {near[0]!r}? " if near else "") + f"known: {', '.join(losses)}",
        )
    valid = [p for p in inspect.signature(losses[name]).parameters if p != "self"]
    if unknown := sorted(set(params) - set(valid)):
        raise UsageError(
            f"the loss {name!r} has no parameter {unknown[0]!r}", do=f"it has {', '.join(valid)}"
        )
    return losses[name](**params)


@dataclass(frozen=True)
class Batch:
    """Logits (..., L) and their targets, as every loss computes with them.

    z: the logits, at least float32, finite and cut off from the graph.
    present, absent: 1.0 where a target says so, else 0.0; both are 0.0 where it is unknown.
    """

    logits: Tensor
    z: Tensor
    present: Tensor
    absent: Tensor

    @classmethod
    def of(cls, logits: Tensor, targets: Tensor) -> Batch:
        """Read logits of any float and targets of any dtype; a target of -1 is unknown.

        Raises `DataError` unless the two have one shape.
        """
        if logits.shape != targets.shape:
            raise DataError(
                "targets must have the shape of the logits",
                seen=f"logits {tuple(logits.shape)}, targets {tuple(targets.shape)}",
            )
        logits = logits if logits.dtype == torch.float64 else logits.float()
        most = torch.finfo(logits.dtype).max
        # 0 times infinity is NaN: with finite logits, masking is one product. Masks of bools cost
        # `where`, many times as slow.
        z = logits.detach().clamp(-most, most)
        y = targets.to(z.dtype)
        return cls(logits, z, y.clamp(min=0), 1 - y.abs())

    @property
    def slopes_needed(self) -> bool:
        """Whether anyone will ask for the gradient."""
        return torch.is_grad_enabled() and self.logits.requires_grad

    def reduce(self, terms: Tensor, slopes: Tensor | None, reduction: Reduction) -> Tensor:
        """The loss from each entry's term and the term's slope in z, (..., L) each.

        none: the terms; sum; mean: over known entries, 0 with a gradient of 0 where there is none.
        """
        if slopes is not None:
            terms = _Closed.apply(self.logits, terms, slopes)
        if reduction == "none":
            return terms
        if reduction == "sum":
            return terms.sum()
        if reduction == "mean":
            return terms.sum() / (self.present + self.absent).sum().clamp(min=1)
        raise UsageError(
            f"there is no reduction {reduction!r}", do=f"known: {', '.join(get_args(Reduction))}"
        )


class _Closed(torch.autograd.Function):
    """Terms whose slopes are known in closed form: backward is one product."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, terms: Tensor, slopes: Tensor) -> Tensor:  # noqa: ARG004
        ctx.save_for_backward(slopes)
        return terms

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (slopes,) = ctx.saved_tensors
        return grad * slopes, None, None
