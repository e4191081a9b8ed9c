"""Rendered frames as a film: H.264, or MPEG-4 where there is no H.264 encoder, in an .mp4."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sfumato.errors import OutputError, SettingsError
from sfumato.files import replacing
from sfumato.pixels import to_uint8

if TYPE_CHECKING:
    import av

# libx264's constant rate factor 18 is its documentation's "visually lossless or nearly so". The other encoders know bit
# rates only; 0.2 bits a pixel is about what that factor takes for splats that move.
_ENCODERS = ("libx264", "libopenh264", "mpeg4")
_RATE_FACTOR = "18"
_BITS_PER_PIXEL = 0.2
_BT709 = 1  # ITU-T H.273: primaries, matrix; players take the transfer of sRGB for that of BT.709
_LIMITED = 1  # AVColorRange: luma in 16..235


def check_film(path: str | os.PathLike[str]) -> None:
    """Refuse to write a film where PyAV is missing, before the work begins.

    Raises: SettingsError that says how to install it.
    """
    if importlib.util.find_spec("av") is None:
        raise SettingsError(f"cannot write '{os.fspath(path)}': films need PyAV; pip install 'sfumato[film]'")


def write_film(path: str | os.PathLike[str], frames: Iterable[NDArray[Any]], fps: float) -> None:
    """Write `frames` to the .mp4 file at `path`, one by one as they come.

    frames: at least one, each [H, W, 3] of the same even H and W, sRGB, as `pixels.to_uint8` takes them.
    fps: frames a second.

    The file appears whole or not at all. Raises: SettingsError if PyAV is missing; OutputError with the reason if the
    film cannot be written; whatever `frames` raises.
    """
    check_film(path)
    import av

    encoder = next((name for name in _ENCODERS if name in av.codecs_available), None)
    if encoder is None:
        raise OutputError(
            f"cannot write '{os.fspath(path)}': this PyAV has neither an H.264 nor an MPEG-4 encoder; "
            "pip install --force-reinstall av, or write numbered pictures"
        )
    with replacing(path) as temporary:
        try:
            # `faststart` puts the table of frames first, so that browsers play while they load.
            with av.open(str(temporary), "w", format="mp4", options={"movflags": "faststart"}) as container:
                stream = None
                for pixels in frames:
                    if stream is None:
                        stream = _stream(container, encoder, pixels.shape[1], pixels.shape[0], fps)
                    container.mux(stream.encode(_frame(pixels)))
                if stream is None:
                    raise ValueError("a film needs at least one frame")
                container.mux(stream.encode(None))
        except av.FFmpegError as error:
            raise OutputError(
                f"cannot write '{os.fspath(path)}': {error.strerror}; check the free space, or write numbered pictures"
            ) from error


def _stream(
    container: av.container.OutputContainer, encoder: str, width: int, height: int, fps: float
) -> av.VideoStream:
    import av

    stream = container.add_stream(encoder, rate=Fraction(fps).limit_denominator(1001))
    if not isinstance(stream, av.VideoStream):
        raise TypeError(f"{encoder} is no encoder of pictures")
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    context = stream.codec_context
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED
    if encoder == "libx264":
        stream.options = {"crf": _RATE_FACTOR}
    else:
        context.bit_rate = round(width * height * fps * _BITS_PER_PIXEL)
    return stream


def _frame(pixels: NDArray[Any]) -> av.VideoFrame:
    import av

    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(to_uint8(pixels)), format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
