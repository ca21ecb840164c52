"""The registry of losses, and what every loss does with its inputs and its terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from alasl.errors import DataError, UsageError
from alasl.parameters import Parameter, parameters_of
from alasl.registry import Registry, first_line

Reduction = Literal["sum", "mean", "none", "gradients"]

LOSSES: Registry[Kind] = Registry("loss", "losses", "alasl.losses")
_Source = TypeVar("_Source", bound=Callable[..., Any])


@dataclass(frozen=True, eq=False)
class Kind:
    """A registered loss.

    name, paper, about: its name, where it comes from, one line of what it is.
    unknown: what it makes of an unknown entry. state: what it remembers over a training, or "".
    learns_from_unknown: whether an unknown entry teaches it anything.
    batchwise: whether an entry's term hangs on other entries of its batch, or on earlier batches.
    probe_rate: the learning rate of a probe that trains with it. parameters: what may be set.
    reduction: what it does with its terms unless told.
    """

    name: str
    paper: str
    about: str
    unknown: str
    state: str
    learns_from_unknown: bool
    batchwise: bool
    probe_rate: float
    parameters: tuple[Parameter, ...]
    reduction: Reduction
    make: Callable[..., Loss] = field(repr=False)


class Loss(nn.Module):
    """A loss as a training uses it: a module of logits and targets, with or without a memory.

    A training calls `begin`, then for each epoch `epoch` and the module with each batch. What a
    loss remembers are its buffers, so that a checkpoint holds them. A leading dimension, as of
    stacked runs, keeps runs apart: each gets what it would get alone.
    """

    kind: Kind

    def __init__(self, reduction: Reduction = "sum", **params: Any) -> None:
        super().__init__()
        self.params = params
        self.reduction: Reduction = reduction

    def extra_repr(self) -> str:
        """The parameters, as a network prints it."""
        return ", ".join(f"{name}={value}" for name, value in self.params.items())

    def begin(self, targets: Tensor) -> None:
        """Before a training on images with `targets` (..., n, L)."""

    def epoch(self, number: int, of: int) -> None:
        """Before epoch `number` of `of`, counted from 0."""

    def forward(self, logits: Tensor, targets: Tensor, places: Tensor | None = None) -> Tensor:
        """The loss of a batch, logits and targets (..., B, L).

        places: (..., B), where its images stand among those that the training began with.
        """
        _one_shape(logits, targets)
        return self.value(logits, targets, places)

    def value(self, logits: Tensor, targets: Tensor, places: Tensor | None) -> Tensor:
        """What `forward` gives, for a loss to say."""
        raise NotImplementedError

    def counted(self, targets: Tensor) -> Tensor:
        """How many entries a mean is over: the known ones, or all where unknown ones teach."""
        return (
            torch.ones_like(targets).sum()
            if self.kind.learns_from_unknown
            else (targets >= 0).sum()
        )


class _Plain(Loss):
    """A function of logits and targets as a module."""

    def __init__(self, function: Callable[..., Tensor], **params: Any) -> None:
        super().__init__(**params)
        self.function = function

    def _get_name(self) -> str:
        return str(self.function.__name__)

    def value(self, logits: Tensor, targets: Tensor, places: Tensor | None) -> Tensor:  # noqa: ARG002
        return self.function(logits, targets, reduction=self.reduction, **self.params)


def entries_at(places: Tensor | None, targets: Tensor) -> Tensor:
    """Where a batch's entries stand among those that the training began with, as `gather` takes it.

    places: as for `Loss.forward`. Raises `UsageError` without.
    """
    if places is None:
        raise UsageError("this loss must know which images these are", do="give places=")
    return places[..., None].expand(targets.shape)


def loss(
    name: str,
    *,
    paper: str = "-",
    unknown: str = "-",
    probe_rate: float = 1e-3,
    state: str = "",
    learns_from_unknown: bool = True,
    batchwise: bool = False,
) -> Callable[[_Source], _Source]:
    """Register a function of (logits, targets), or a class of `Loss`, as the loss `name`.

    Its keyword arguments but `reduction`, which it must have, are the parameters; see
    `alasl.parameters`. The first
    line of its docstring is its line in tables. The other arguments: see `Kind`.
    """

    def make(source: Callable[..., Any]) -> Kind:
        whole = isinstance(source, type)
        parameters = parameters_of(source.__init__ if whole else source, 1 if whole else 2)
        if "reduction" not in {p.name for p in parameters}:
            raise UsageError(
                f"the loss {name!r} does not say how it is reduced",
                do='give it a keyword argument reduction: Reduction = "mean", and end with '
                "Batch.of(logits, targets).reduce or .cross_entropy",
            )
        return Kind(
            name=name,
            paper=paper,
            about=first_line(source),
            unknown=unknown,
            state=state,
            learns_from_unknown=learns_from_unknown,
            batchwise=batchwise,
            probe_rate=probe_rate,
            parameters=tuple(p for p in parameters if p.name != "reduction"),
            reduction=next(p.default for p in parameters if p.name == "reduction"),
            make=source if whole else partial(_Plain, source),
        )

    return LOSSES.register(make)


def available() -> dict[str, Kind]:
    """Every loss by name."""
    return dict(LOSSES)


def resolve(
    spec: str, *, reduction: Reduction | None = None, trust: bool = True, **params: Any
) -> Loss:
    """The loss that `NAME[:key=value]...` names, e.g. `asl:gamma_neg=2`; `params` are set as well.

    `FILE.py:NAME[:key=value]...` takes it from a Python file of the user's, where `trust` says that
    it may be run. Raises `UsageError` for a name, a parameter or a value that is unknown.
    """
    named = LOSSES.resolve(spec, trust=trust)
    kind = named.part
    valid = {p.name: p for p in kind.parameters}
    if unknown := sorted(set(params) - set(valid)):
        raise UsageError(
            f"the loss {kind.name!r} has no parameter {unknown[0]!r}",
            do=f"it has {', '.join(valid)}",
        )
    values = {key: valid[key].check(value, f"loss {spec!r}") for key, value in params.items()}
    found = kind.make(reduction=reduction or kind.reduction, **values | named.values)
    found.kind = kind
    return found


@dataclass(frozen=True)
class Batch:
    """Logits (..., L) and their targets, as every loss computes with them.

    z: the logits, at least float32, finite and cut off from the graph.
    present, absent, unknown: 1.0 where a target says so, else 0.0.
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
        _one_shape(logits, targets)
        logits = logits if logits.dtype == torch.float64 else logits.float()
        # Room for weights, and for a sum over a million entries.
        most = torch.finfo(logits.dtype).max / 2**30
        # 0 times infinity is NaN: with finite logits, masking is one product. Masks of bools cost
        # `where`, many times as slow.
        z = logits.detach().clamp(-most, most)
        y = targets.to(z.dtype)
        return cls(logits, z, y.clamp(min=0), 1 - y.abs())

    @property
    def unknown(self) -> Tensor:
        """1.0 where the target is unknown, else 0.0."""
        return 1 - self.present - self.absent

    def cross_entropy(
        self, up: Tensor, down: Tensor, reduction: Reduction, *, learns_from_unknown: bool = True
    ) -> Tensor:
        """The loss `up` * -log p + `down` * -log(1 - p), both constant, with p = sigmoid(logits).

        up, down: broadcast to (..., L). learns_from_unknown: as for `reduce`.
        """
        return self.reduce(
            lambda: -up * logsigmoid(self.z) - down * logsigmoid(-self.z),
            lambda: down * torch.sigmoid(self.z) - up * torch.sigmoid(-self.z),
            reduction,
            learns_from_unknown=learns_from_unknown,
        )

    def reduce(
        self,
        terms: Callable[[], Tensor],
        gradients: Callable[[], Tensor],
        reduction: Reduction,
        *,
        learns_from_unknown: bool = False,
    ) -> Tensor:
        """The loss from each entry's term and the term's slope in z, (..., L) each.

        none: the terms; sum; mean: over known entries, or over all where the loss learns from
        unknown ones, 0 with a gradient of 0 where there is none. gradients: that of the sum, and no
        terms, for a training that does not look at its loss.
        """
        if reduction == "gradients":
            return gradients()
        found = terms()
        if torch.is_grad_enabled() and self.logits.requires_grad:
            found = _Closed.apply(self.logits, found, gradients())
        if reduction == "none":
            return found
        if reduction == "sum":
            return found.sum()
        if reduction == "mean":
            known = (self.present + self.absent).sum()
            return found.sum() / (
                known.new_tensor(found.numel()) if learns_from_unknown else known
            ).clamp(min=1)
        raise UsageError(
            f"there is no reduction {reduction!r}", do=f"known: {', '.join(get_args(Reduction))}"
        )


def _one_shape(logits: Tensor, targets: Tensor) -> None:
    if logits.shape != targets.shape:
        raise DataError(
            "targets must have the shape of the logits",
            seen=f"logits {tuple(logits.shape)}, targets {tuple(targets.shape)}",
        )


class _Closed(torch.autograd.Function):
    """Terms whose gradients are known in closed form: backward is one product."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, terms: Tensor, gradients: Tensor) -> Tensor:  # noqa: ARG004
        ctx.save_for_backward(gradients)
        return terms

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (gradients,) = ctx.saved_tensors
        return grad * gradients, None, None
