"""Films play elsewhere: size, speed and colours are those asked for, and a failure leaves nothing behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sfumato.errors import OutputError, SettingsError
from sfumato.exports import film
from sfumato.exports.film import write_film

av = pytest.importorskip("av", reason="films need PyAV")
COLOURS = ((0.9, 0.2, 0.1), (0.1, 0.8, 0.3), (0.2, 0.3, 0.9))


def frames(size: tuple[int, int] = (64, 48)) -> Iterator[NDArray[np.float32]]:
    """A frame of each colour."""
    for colour in COLOURS:
        yield np.tile(np.float32(colour), (size[1], size[0], 1))


@pytest.mark.parametrize("encoder", ["libx264", "mpeg4"])
def test_a_film_has_the_size_speed_and_colours_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: str
) -> None:
    if encoder not in av.codecs_available:
        pytest.skip(f"this PyAV has no {encoder}")
    monkeypatch.setattr(film, "_ENCODERS", (encoder,))
    write_film(tmp_path / "a.mp4", frames(), 12.5)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, float(stream.average_rate)) == (64, 48, 12.5)
        shown = [frame.to_ndarray(format="rgb24", src_colorspace="ITU709") for frame in container.decode(stream)]
    assert len(shown) == 3
    for picture, colour in zip(shown, COLOURS, strict=True):
        assert np.abs(picture / 255 - colour).max() < 0.06
    data = (tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # browsers play it while it loads
    assert os.listdir(tmp_path) == ["a.mp4"]


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), SettingsError("too much")])
def test_a_film_that_fails_half_way_leaves_the_old_one_alone(tmp_path: Path, failure: BaseException) -> None:
    def some() -> Iterator[NDArray[np.float32]]:
        yield next(frames())
        raise failure

    path = tmp_path / "a.mp4"
    path.write_bytes(b"old")
    with pytest.raises(type(failure)):
        write_film(path, some(), 30)
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.mp4"]


def test_a_film_nowhere_or_without_an_encoder_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        write_film(tmp_path / "none" / "a.mp4", frames(), 30)
    monkeypatch.setattr(film, "_ENCODERS", ())
    with pytest.raises(OutputError, match=r"cannot write .*a\.mp4': .*neither an H\.264 nor an MPEG-4 encoder"):
        write_film(tmp_path / "a.mp4", frames(), 30)
    assert not os.listdir(tmp_path)


def test_without_pyav_the_error_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "av", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"a\.mp4': films need PyAV; pip install 'sfumato\[film\]'"):
        write_film(tmp_path / "a.mp4", frames(), 30)
