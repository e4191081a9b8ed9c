"""What the command line understands: verbs, options and the forms of their values."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import NoReturn

import sfumato
from sfumato.cli import capture, convert, encode, measure, read, render
from sfumato.errors import SettingsError

_EPILOG = """\
A budget is a share of the whole file ('5%'), bytes ('30KB', '64KiB', '2000'), splats ('2000splats') or 'level 2'.

exit codes: 0 done; 2 the input, a setting or a file is at fault (one sentence says which); 130 interrupted;
1 a bug; 141 the program that read the output went away
"""


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are `SettingsError`s of one sentence, without the usage in front."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the command line."""
        raise SettingsError(f"cannot understand the command: {message}; see '{self.prog} --help'")


def command_parser() -> CommandParser:
    """The parser of the whole command; the chosen verb's function is in `run`."""
    parser = CommandParser(
        prog="sfumato",
        description="A picture as one progressive file of Gaussian splats.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"sfumato {sfumato.__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    verb = _verb(verbs, "encode", "make a progressive file of a picture or a scene", encode.run)
    _add_encode(verb)

    verb = _verb(verbs, "decode", "show what a file, or its first bytes, holds as an ordinary picture", read.decode)
    _file(verb)
    _output(verb, "PICTURE", "the picture to write: .png, .jpg, .webp or .tiff")
    verb.add_argument("--budget", help="use only so much of the file (default: all of it)")
    verb.add_argument("--size", type=_size, metavar="WxH", help="render at this size in pixels instead of the file's")
    verb.add_argument(
        "--crop", type=_crop, metavar="X,Y,W,H", help="render this part only, in pixels of the picture at its --size"
    )

    verb = _verb(verbs, "info", "list levels or chunks with their splats, bytes and quality", read.info)
    _file(verb)
    verb.add_argument("--chunks", action="store_true", help="a line for every chunk instead of every level")
    _json(verb)

    verb = _verb(verbs, "cut", "keep the first bytes of a file; they are a file themselves", read.cut)
    _file(verb)
    _output(verb, "FILE", "the .sfu file to write")
    verb.add_argument("--budget", required=True, help="keep at most so much of the file")

    verb = _verb(verbs, "verify", "check every checksum and every promise of the format", read.verify)
    _file(verb)

    verb = _verb(verbs, "convert", "turn a scene of splats into the format of another tool", convert.run)
    _add_convert(verb)

    verb = _verb(verbs, "render", "show a scene of splats as cameras see it: a picture, pictures or a film", render.run)
    _add_render(verb)

    verb = _verb(verbs, "capture", "make a capture of a head: pictures, cameras and meshes", capture.run)
    _add_capture(verb)

    verb = _verb(verbs, "curve", "measure PSNR, SSIM and MS-SSIM of every prefix", measure.curve)
    verb.add_argument("original", metavar="ORIGINAL", help="the picture that was encoded")
    _file(verb)
    _output(verb, "PLOT", "a plot (.png or .svg; a .json of the same name is written beside it), or .json alone")
    _json(verb)

    verb = _verb(verbs, "strip", "put what several prefixes show side by side in one picture", measure.strip)
    _file(verb)
    _output(verb, "PICTURE", "the picture to write: .png, .jpg, .webp or .tiff")
    verb.add_argument("--budgets", type=_list, metavar="B,B,...", help="the prefixes to show, separated by commas")
    verb.add_argument("--original", metavar="PICTURE", help="show the picture that was encoded at the right end")
    verb.add_argument("--height", type=_whole_from(16), default=320, metavar="PIXELS", help="of each picture (320)")
    return parser


def _verb(
    verbs: argparse._SubParsersAction[CommandParser], name: str, text: str, run: Callable[[argparse.Namespace], None]
) -> CommandParser:
    verb = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False)
    verb.set_defaults(run=run, verb=name)
    return verb


def _file(verb: CommandParser) -> None:
    verb.add_argument("file", metavar="FILE", help="an .sfu file, or a prefix of one")


def _output(verb: CommandParser, metavar: str, text: str) -> None:
    verb.add_argument("-o", "--output", required=True, metavar=metavar, help=text)


def _json(verb: CommandParser) -> None:
    verb.add_argument("--json", action="store_true", help="print the result as JSON on stdout")


def _add_encode(verb: CommandParser) -> None:
    verb.add_argument(
        "file", metavar="FILE", help="a picture (PNG, JPEG, WebP ...) or a scene (3DGS .ply, .spz, .sog, .splat)"
    )
    _output(verb, "FILE", "the .sfu file to write")
    verb.add_argument("--splats", type=_whole_from(1), metavar="N", help="how many splats (default: pixels / 40)")
    verb.add_argument(
        "--levels",
        type=_levels,
        default=6,
        metavar="N|N,N,...",
        help="how many levels, or the splats at their ends (6)",
    )
    verb.add_argument(
        "--quality", type=float, metavar="DB", help="reach this PSNR in dB, with as few splats as it takes"
    )
    verb.add_argument("--bytes", metavar="SIZE", help="the file is at most this large, such as 30KB")
    verb.add_argument(
        "--seconds", type=float, metavar="S", help="time for the fit (default: as many steps as it takes)"
    )
    verb.add_argument(
        "--resolution-levels", type=_whole_from(0), default=0, metavar="K",
        help="also fit the K lowest levels to smaller versions of the picture (0)",
    )  # fmt: skip
    verb.add_argument("--iterations", type=_whole_from(1), metavar="N", help="steps of the fit")
    verb.add_argument("--seed", type=_whole_from(0), default=0, metavar="N", help="makes a run repeatable (0)")
    verb.add_argument("--resume", action="store_true", help="go on from the checkpoint of an interrupted run")
    verb.add_argument(
        "--detail", type=float, default=1.0, metavar="X", help="scenes: how many times finer than usual (1)"
    )
    verb.add_argument(
        "--optimise", type=float, default=0.0, metavar="SECONDS",
        help="scenes: fit the coarse levels and colours to the original for about so long (0)",
    )  # fmt: skip
    verb.add_argument("--repair", action="store_true", help="scenes: leave out broken splats")
    _json(verb)
    verb.add_argument("--quiet", action="store_true", help="no progress and no summary")


def _add_convert(verb: CommandParser) -> None:
    verb.add_argument("file", metavar="SCENE", help="3DGS .ply, compressed .ply, .spz, .splat, .sog or an .sfu scene")
    verb.add_argument("output", metavar="OUTPUT", help="the scene to write; its suffix decides the format")
    verb.add_argument("--budget", help="of an .sfu file, such as 5%% or 30KB: what so much of it shows (all)")
    verb.add_argument("--repair", action="store_true", help="leave out broken splats and say how many they were")
    verb.add_argument(
        "--sh-degree", type=int, choices=range(4), metavar="N", help="keep harmonics up to this degree, 0 to 3 (all)"
    )


def _add_render(verb: CommandParser) -> None:
    verb.add_argument("file", metavar="SCENE", help="an .sfu scene, 3DGS .ply, compressed .ply, .spz, .splat or .sog")
    _output(verb, "OUTPUT", "a picture, numbered pictures ('a-{frame}.png' or 'a-%%04d.png') or a film (.mp4)")
    verb.add_argument(
        "--camera", default="orbit", metavar="orbit|FILE", help="around the scene, or the cameras in a .json (orbit)"
    )
    verb.add_argument("--budget", help="use only so much of an .sfu file (default: all of it)")
    verb.add_argument("--size", type=_size, metavar="WxH", help="in pixels (1280x720, or that of the cameras)")
    verb.add_argument("--frames", type=_whole_from(1), metavar="N", help="how many (120, or the cameras in the file)")
    verb.add_argument("--fps", type=float, default=30, metavar="F", help="frames of a film a second (30)")
    verb.add_argument("--fov", type=float, default=50, metavar="DEGREES", help="field of view of an orbit (50)")
    verb.add_argument("--azimuth", type=float, default=0, metavar="DEGREES", help="where an orbit begins (0)")
    verb.add_argument(
        "--elevation", type=float, default=15, metavar="DEGREES", help="of an orbit above the horizon (15)"
    )
    verb.add_argument(
        "--up", type=_direction, default=(0.0, -1.0, 0.0), metavar="AXIS|X,Y,Z",
        help="the scene's upward direction, such as z or 0,1,0.2; with a minus write --up=-y, which is the default",
    )  # fmt: skip
    verb.add_argument(
        "--background", type=_background, metavar="R,G,B|none",
        help="0 to 255 each (default: transparent, or black where the format cannot be)",
    )  # fmt: skip
    verb.add_argument(
        "--antialias", action=argparse.BooleanOptionalAction,
        help="for splats trained with a low-pass filter (default: what the scene says)",
    )  # fmt: skip
    verb.add_argument("--repair", action="store_true", help="leave out broken splats")
    verb.add_argument("--quiet", action="store_true", help="no progress and no summary")


def _add_capture(verb: CommandParser) -> None:
    verb.add_argument("file", choices=["synth"], metavar="synth", help="a head that does not exist, drawn by procedure")
    _output(verb, "FOLDER", "the folder to write; it must not exist or be empty")
    verb.add_argument("--seed", type=_whole_from(0), default=0, metavar="N", help="of the head's looks (0)")
    verb.add_argument("--size", type=_size, default=(550, 802), metavar="WxH", help="of the pictures (550x802)")
    verb.add_argument("--frames", type=_whole_from(2), default=60, metavar="N", help="moments of the script (60)")
    verb.add_argument("--cameras", type=_whole_from(1), default=16, metavar="N", help="around the face (16)")
    verb.add_argument("--faces", type=_whole_from(2000), default=10_000, metavar="N", help="of the mesh, about (10000)")
    verb.add_argument("--rig", metavar="FILE", help="a rig to paint and move instead of the procedural head")
    verb.add_argument("--quiet", action="store_true", help="no progress and no summary")


def _whole_from(least: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not text.isascii() or not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least}")
        return int(text)

    return whole


def _wholes(text: str, separator: str, count: int, form: str) -> tuple[int, ...]:
    parts = text.lower().split(separator)
    if len(parts) != count or not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form {form}")
    return tuple(int(part) for part in parts)


def _size(text: str) -> tuple[int, ...]:
    return _wholes(text, "x", 2, "WxH, such as 640x480")


def _crop(text: str) -> tuple[int, ...]:
    return _wholes(text, ",", 4, "X,Y,W,H, such as 0,0,320,240")


def _direction(text: str) -> tuple[float, ...]:
    sign, axis = (-1.0, text[1:]) if text[:1] == "-" else (1.0, text.removeprefix("+"))
    if axis in ("x", "y", "z"):
        return tuple(sign * (axis == name) for name in "xyz")
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != 3 or not any(numbers) or not all(map(math.isfinite, numbers)):
        raise argparse.ArgumentTypeError(f"{text!r} is neither x, y, z, -x, -y, -z nor a direction such as 0,1,0.2")
    return numbers


def _background(text: str) -> tuple[float, ...] | None:
    if text == "none":
        return None
    color = _wholes(text, ",", 3, "R,G,B, such as 255,255,255, or none")
    if max(color) > 255:
        raise argparse.ArgumentTypeError(f"{text!r} goes beyond 255")
    return tuple(part / 255 for part in color)


def _levels(text: str) -> int | tuple[int, ...]:
    counts = _wholes(text, ",", text.count(",") + 1, "6 or 360,900,2250")
    return counts[0] if len(counts) == 1 else counts


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]
