"""Parts of models as torch modules, for whoever takes a model elsewhere: `models/onnx.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alasl.errors import UsageError
from alasl.models.neighbours import Neighbours, mean_of_nearest
from alasl.models.transforms import Transform

if TYPE_CHECKING:
    from alasl.models.backbones import Backbone


def linear(weights: Tensor, bias: Tensor) -> nn.Module:
    """Features (n, D) to logits (n, L) by weights (D, L) and bias (L,)."""
    layer = nn.Linear(*weights.shape)
    with torch.no_grad():
        layer.weight.copy_(weights.T)
        layer.bias.copy_(bias.flatten())
    return layer


class Seeing(nn.Module):
    """RGB squares, uint8 (n, size, size, 3), to what a network gives for them."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        for name, values in (("mean", backbone.mean), ("std", backbone.std)):
            self.register_buffer(name, 255 * torch.tensor(values).view(1, 3, 1, 1))

    def forward(self, squares: Tensor) -> Any:
        pixels = squares.permute(0, 3, 1, 2).float()
        return self.network((pixels - self.mean) / self.std)


class Transformed(nn.Module):
    """Features (n, D) to what `Transform.apply` gives for them."""

    mean: Tensor
    scale: Tensor
    axes: Tensor | None

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        tensors = transform.tensors()
        if not {"mean", "scale"} <= set(tensors) <= {"mean", "scale", "axes"}:
            raise UsageError(
                "the model's transform of features cannot be written as a module",
                seen=type(transform).__name__,
            )
        for name in ("mean", "scale", "axes"):
            found = torch.from_numpy(tensors[name]).float() if name in tensors else None
            self.register_buffer(name, found)

    def forward(self, features: Tensor) -> Tensor:
        if self.axes is None:
            return (features - self.mean) * self.scale
        roots = features.sign() * features.abs().sqrt()
        roots = roots / roots.norm(dim=1, keepdim=True).clamp(min=1e-12)
        turned: Tensor = ((roots - self.mean) * self.scale) @ self.axes
        return turned


class Smoothed(nn.Module):
    """Features (n, D), after the transform, mixed with `Neighbours.around` of them."""

    references: Tensor

    def __init__(self, neighbours: Neighbours, smooth: float) -> None:
        super().__init__()
        self.smooth = smooth
        self.register_buffer("references", torch.from_numpy(neighbours.references).float())

    def forward(self, features: Tensor) -> Tensor:
        directions = nn.functional.normalize(self.references, dim=1)
        around = mean_of_nearest(features, self.references, directions)
        return torch.lerp(features, around, self.smooth)


def chances_of(
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    seen: NDArray[np.floating],
    labels: slice | NDArray[np.intp],
) -> NDArray[np.float32]:
    """(n, w): the probabilities of some labels, by the weights (D, L) and bias (L,) of all."""
    found = seen @ weights[:, labels]
    found += bias[labels]
    # A quarter of the time of SciPy's, which is exact where this is 0.
    np.negative(found, out=found)
    with np.errstate(over="ignore"):
        np.exp(found, out=found)
    found += 1
    return np.asarray(np.reciprocal(found, out=found))
