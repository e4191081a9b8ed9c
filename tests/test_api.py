"""The public face of the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sfumato


@pytest.mark.parametrize("name", sfumato.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(sfumato, name) is not None
    assert name in dir(sfumato)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'paint'"):
        _ = sfumato.paint  # type: ignore[attr-defined]


def test_every_error_is_a_sfumato_error() -> None:
    errors = [value for name, value in vars(sfumato).items() if name.endswith("Error")]
    assert len(errors) >= 13
    assert all(issubclass(error, sfumato.SfumatoError) for error in errors)


def test_the_version_is_that_of_the_distribution() -> None:
    pyproject = Path(__file__).parents[1] / "pyproject.toml"
    assert f'version = "{sfumato.__version__}"' in pyproject.read_text()


def test_decoding_needs_neither_torch_nor_matplotlib(asset_file: Path, tmp_path: Path) -> None:
    program = (
        "import sys, sfumato\n"
        f"asset = sfumato.open({str(asset_file)!r})\n"
        "asset.render('50%')\n"
        f"sfumato.cut({str(asset_file)!r}, {str(tmp_path / 'half.sfu')!r}, '50%')\n"
        "sfumato.verify(asset.path)\n"
        "from sfumato.cli import main\n"
        f"main(['info', {str(asset_file)!r}])\n"
        "print(sorted({'torch', 'matplotlib', 'scipy'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_an_asset_opens_from_a_path_or_from_bytes(asset_file: Path) -> None:
    from_path, from_bytes = sfumato.open(asset_file), sfumato.open(asset_file.read_bytes())
    assert np.array_equal(from_path.render(), from_bytes.render())
    assert isinstance(from_path.splats(), sfumato.Splats2D)
    assert len(from_path.splats()) == 300


def test_more_bytes_show_a_better_picture(asset_file: Path, picture_file: Path) -> None:
    curve = sfumato.curve(picture_file, asset_file)
    assert curve.points[-1].psnr > curve.points[0].psnr + 1
    assert curve.points[-1].bytes == asset_file.stat().st_size
    assert sfumato.curve(picture_file, sfumato.open(asset_file)) == curve


def test_cut_writes_and_counts_the_first_bytes(asset_file: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.sfu"
    length = sfumato.cut(asset_file, half, sfumato.Budget.parse("50%"))
    assert half.read_bytes() == asset_file.read_bytes()[:length]
    assert not sfumato.verify(half).complete


def test_encode_takes_the_fields_of_its_settings(picture_file: Path, tmp_path: Path) -> None:
    seen: list[sfumato.Progress] = []
    report = sfumato.encode(
        picture_file, tmp_path / "a.sfu", splats=100, levels=2, iterations=30, seed=3, progress=seen.append
    )
    assert report.splats == 100 and report.bytes == (tmp_path / "a.sfu").stat().st_size
    assert seen and all(0 <= step.fraction <= 1 for step in seen)


def test_settings_out_of_range_name_what_is_wrong(picture_file: Path, tmp_path: Path) -> None:
    with pytest.raises(sfumato.SettingsError):
        sfumato.encode(picture_file, tmp_path / "a.sfu", splats=0)
    assert list(tmp_path.iterdir()) == []


def test_settings_that_pictures_do_not_know_are_refused(picture_file: Path, tmp_path: Path) -> None:
    with pytest.raises(sfumato.SettingsError, match="with optimise: pictures know splats, levels"):
        sfumato.encode(picture_file, tmp_path / "a.sfu", optimise=30, seed=1)
    assert not list(tmp_path.iterdir())
