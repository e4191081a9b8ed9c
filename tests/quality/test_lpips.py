"""LPIPS is used where it is installed, and its absence has a stated reason."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sfumato.quality.lpips import Lpips

PICTURE = np.full((8, 9, 3), 0.5, np.float32)


def test_the_metrics_do_not_import_torch() -> None:
    modules = "sfumato.quality.curve, sfumato.quality.lpips, sfumato.quality.plot, sfumato.sources.photo"
    check = f"import sys, {modules}; sys.exit('torch' in sys.modules or 'matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize("package", ["torch", "lpips"])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    if package == "lpips":
        pytest.importorskip("torch", reason="torch is not installed")
    monkeypatch.setitem(sys.modules, package, None)
    distance = Lpips()
    assert distance(PICTURE, PICTURE) is None
    assert distance.reason == f"the package {package} is not installed"


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A package lpips whose network is the mean absolute difference, and an empty cache for its weights."""
    torch = pytest.importorskip("torch", reason="torch is not installed")

    class Network(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, net: str, version: str, verbose: bool) -> None:
            super().__init__()

        def forward(self, a: Any, b: Any) -> Any:
            assert a.shape == b.shape == (1, 3, 8, 9) and a.dtype == torch.float32
            assert float(a.min()) >= -1 and float(a.max()) <= 1
            return (a - b).abs().mean().reshape(1, 1, 1, 1)

    module = types.ModuleType("lpips")
    module.LPIPS = Network  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lpips", module)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def test_missing_weights_are_named_and_not_downloaded(stand_in: Path) -> None:
    distance = Lpips("vgg")
    assert distance(PICTURE, PICTURE) is None
    assert distance.reason is not None and "vgg16-*.pth are not in torch's cache" in distance.reason


def test_pictures_reach_the_network_in_its_range_and_order(stand_in: Path) -> None:
    (stand_in / "alexnet-owt-7be5be79.pth").touch()
    distance = Lpips()
    assert distance.reason is None
    assert distance(PICTURE, PICTURE) == 0
    assert distance(np.zeros((8, 9, 1)), np.ones((8, 9, 1))) == pytest.approx(2)
    clear = np.zeros((8, 9, 4), np.float32)
    clear[..., :3] = 1
    assert distance(clear, np.zeros((8, 9, 3))) == 0


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ValueError, match="alex, vgg, squeeze"):
        Lpips("resnet")


def test_damaged_weights_and_unfitting_packages_are_reasons_and_not_crashes(
    stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(**_: object) -> None:
        raise EOFError("ran out of input")

    (stand_in / "alexnet-owt-7be5be79.pth").touch()
    monkeypatch.setattr(sys.modules["lpips"], "LPIPS", damaged)
    assert Lpips().reason == "the weights cannot be loaded (ran out of input)"

    def unfitting(name: str) -> None:
        raise RuntimeError("operator does not exist")

    monkeypatch.setattr("importlib.import_module", unfitting)
    assert Lpips().reason == "the package lpips cannot be imported (operator does not exist)"
