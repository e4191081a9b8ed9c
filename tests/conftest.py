from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image

import sfumato
from sfumato.errors import SettingsError
from sfumato.kernels import library
from sfumato.kernels import native as compiled

ISAS = ("base", "v3", "v4")

# A deadline would make the tests fail on a busy machine; what is slow shows in `--durations`.
# The suite tries the same examples every time, so that it fails only where a change is at fault; to look for new ones:
# pytest --hypothesis-profile=explore
hypothesis.settings.register_profile("sfumato", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("sfumato")


def forget_library() -> None:
    """Makes the next call of a kernel look for the library anew."""
    library.native.cache_clear()
    compiled.library.cache_clear()
    compiled._function.cache_clear()


def _use(isa: str) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFUMATO_ISA", isa)
        forget_library()
        try:
            found = library.native()
        except SettingsError:
            pytest.skip(f"this processor does not run {isa}")
        if isa != "none" and found is None:
            pytest.skip("the kernels are not compiled")
        yield isa
    forget_library()


@pytest.fixture(scope="module", params=ISAS)
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """The compiled kernels of every instruction set this machine runs, in turn."""
    yield from _use(request.param)


@pytest.fixture(scope="module", params=("none", *ISAS))
def kernels(request: pytest.FixtureRequest) -> Iterator[str]:
    """The numpy reference and the compiled kernels of every instruction set this machine runs, in turn."""
    yield from _use(request.param)


@pytest.fixture(scope="session")
def picture_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small colourful PNG, 96 x 64: smooth ground, a hard-edged disc, a striped corner."""
    y, x = np.mgrid[:64, :96].astype(np.float32)
    pixels = np.stack([x / 95, y / 63, 0.5 + 0.4 * np.sin(x / 15)], axis=2)
    pixels[(x - 60) ** 2 + (y - 30) ** 2 < 300] = (0.9, 0.7, 0.1)
    pixels[40:, :24] *= (x[40:, :24, None] // 4) % 2
    path = tmp_path_factory.mktemp("picture") / "picture.png"
    Image.fromarray((255 * pixels).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def asset_file(picture_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`picture_file` encoded: 300 splats in 3 levels."""
    path = tmp_path_factory.mktemp("asset") / "picture.sfu"
    sfumato.encode(picture_file, path, splats=300, levels=3, iterations=150)
    return path
