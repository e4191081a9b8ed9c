"""What the command line understands: verbs and their options."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

import sfumato
from sfumato.cli import capture, check_url, convert, encode, forms, measure, publish, read, render, serve
from sfumato.errors import SettingsError

_EPILOG = """\
A budget is a share of the whole file ('5%'), bytes ('30KB', '64KiB', '2000'), splats ('2000splats') or 'level 2'.

exit codes: 0 done; 2 the input, a setting or a file is at fault (one sentence says which); 130 interrupted;
1 a bug, or check-url found a fault; 141 the program that read the output went away
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
        description="A picture, a scene or a head as one progressive file of Gaussian splats.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"sfumato {sfumato.__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    verb = _verb(verbs, "encode", "make a progressive file of a picture, a scene or a capture of a head", encode.run)
    _add_encode(verb)

    verb = _verb(verbs, "decode", "show what a file, or its first bytes, holds as an ordinary picture", read.decode)
    verb.add_argument("file", metavar="FILE", help="an .sfu file, a prefix of one, or an address")
    _output(verb, "PICTURE", "the picture to write: .png, .jpg, .webp or .tiff")
    verb.add_argument("--budget", help="use only so much of the file (default: all of it)")
    verb.add_argument(
        "--size", type=forms.size, metavar="WxH", help="render at this size in pixels instead of the file's"
    )
    verb.add_argument(
        "--crop",
        type=forms.crop,
        metavar="X,Y,W,H",
        help="render this part only, in pixels of the picture at its --size",
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

    text = "turn a scene, or an avatar in a pose, into the format of another tool"
    for name, summary in (("convert", text), ("export", "another name of convert")):
        verb = _verb(verbs, name, summary, convert.run)
        _add_convert(verb)

    text = "show a scene or an avatar as cameras see it: a picture, pictures or a film"
    verb = _verb(verbs, "render", text, render.run)
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
    verb.add_argument(
        "--budgets", type=forms.between_commas, metavar="B,B,...", help="the prefixes to show, separated by commas"
    )
    verb.add_argument("--original", metavar="PICTURE", help="show the picture that was encoded at the right end")
    verb.add_argument(
        "--height", type=forms.whole_from(16), default=320, metavar="PIXELS", help="of each picture (320)"
    )
    for module in (serve, publish, check_url):
        module.add_arguments(verbs)
    return parser


def _verb(
    verbs: argparse._SubParsersAction[CommandParser], name: str, text: str, run: Callable[[argparse.Namespace], None]
) -> CommandParser:
    verb = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False)
    verb.set_defaults(run=run, verb=name)
    return verb


def _file(verb: CommandParser) -> None:
    verb.add_argument("file", type=forms.local, metavar="FILE", help="an .sfu file, or a prefix of one")


def _output(verb: CommandParser, metavar: str, text: str) -> None:
    verb.add_argument("-o", "--output", required=True, metavar=metavar, help=text)


def _json(verb: CommandParser) -> None:
    verb.add_argument("--json", action="store_true", help="print the result as JSON on stdout")


def _add_encode(verb: CommandParser) -> None:
    verb.add_argument(
        "file",
        type=forms.local,
        metavar="FILE",
        help="a picture (PNG, JPEG, WebP ...), a scene (3DGS .ply, .spz, .sog, .splat) or the folder of a capture",
    )
    _output(verb, "FILE", "the .sfu file to write")
    verb.add_argument(
        "--splats", type=forms.whole_from(1), metavar="N", help="how many (pixels / 40; captures 2.5 for each face)"
    )
    verb.add_argument(
        "--levels",
        type=forms.levels,
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
        "--resolution-levels", type=forms.whole_from(0), default=0, metavar="K",
        help="also fit the K lowest levels to smaller versions of the picture (0)",
    )  # fmt: skip
    verb.add_argument("--iterations", type=forms.whole_from(1), metavar="N", help="steps of the fit")
    verb.add_argument("--seed", type=forms.whole_from(0), default=0, metavar="N", help="makes a run repeatable (0)")
    verb.add_argument("--resume", action="store_true", help="go on from the checkpoint of an interrupted run")
    verb.add_argument(
        "--detail", type=float, default=1.0, metavar="X", help="scenes: how many times finer than usual (1)"
    )
    verb.add_argument(
        "--optimise", type=float, default=0.0, metavar="SECONDS",
        help="scenes: fit the coarse levels and colours to the original for about so long (0)",
    )  # fmt: skip
    verb.add_argument("--repair", action="store_true", help="scenes: leave out broken splats")
    verb.add_argument("--rig", metavar="FILE", help="captures: the rig, where the capture does not name its own")
    verb.add_argument(
        "--rig-by-reference", action="store_true", help="captures: name the rig in the file, but leave it out"
    )
    verb.add_argument(
        "--sh-degree", type=int, choices=range(4), metavar="N", help="captures: degree of the harmonics, 0 to 3"
    )
    verb.add_argument("--depth", type=forms.whole_from(1), metavar="N", help="captures: levels of the forest")
    verb.add_argument(
        "--scale", type=float, metavar="X", help="captures: learn from pictures of this size, 0.5 is half"
    )
    verb.add_argument(
        "--attention", type=float, metavar="X", help="captures: eyes and mouth count X times more, and come earlier (1)"
    )
    verb.add_argument("--tune-meshes", action="store_true", help="captures: correct the tracking while learning")
    verb.add_argument("--device", choices=("cpu", "cuda"), help="captures: where to draw; cuda needs gsplat (cpu)")
    _json(verb)
    verb.add_argument("--quiet", action="store_true", help="no progress and no summary")


def _add_convert(verb: CommandParser) -> None:
    verb.add_argument(
        "file",
        type=forms.local,
        metavar="SCENE",
        help="an .sfu scene or avatar, 3DGS .ply, compressed .ply, .spz, .splat, .sog",
    )
    verb.add_argument("output", metavar="OUTPUT", help="the scene to write; its suffix decides the format")
    verb.add_argument("--budget", help="of an .sfu file, such as 5%% or 30KB: what so much of it shows (all)")
    verb.add_argument("--repair", action="store_true", help="leave out broken splats and say how many they were")
    verb.add_argument(
        "--sh-degree", type=int, choices=range(4), metavar="N", help="keep harmonics up to this degree, 0 to 3 (all)"
    )
    _add_pose(verb)


def _add_render(verb: CommandParser) -> None:
    verb.add_argument(
        "file",
        type=forms.local,
        metavar="SCENE",
        help="an .sfu scene or avatar, 3DGS .ply, compressed .ply, .spz, .splat, .sog",
    )
    _output(verb, "OUTPUT", "a picture, numbered pictures ('a-{frame}.png' or 'a-%%04d.png') or a film (.mp4)")
    verb.add_argument(
        "--camera",
        metavar="orbit|front|FILE",
        help="around it, where an orbit begins, or the cameras in a .json (orbit; front where an avatar is driven)",
    )
    verb.add_argument("--budget", help="use only so much of an .sfu file (default: all of it)")
    verb.add_argument(
        "--size", type=forms.size, metavar="WxH", help="in pixels (that of the cameras, else 1280x720, or 550x802)"
    )
    verb.add_argument(
        "--frames", type=forms.whole_from(1), metavar="N", help="how many (120, or the cameras in the file)"
    )
    verb.add_argument("--fps", type=float, metavar="F", help="frames of a film a second (what the drive says, or 30)")
    verb.add_argument("--fov", type=float, metavar="DEGREES", help="field of view of an orbit (50, avatars 24)")
    verb.add_argument("--azimuth", type=float, default=0, metavar="DEGREES", help="where an orbit begins (0)")
    verb.add_argument(
        "--elevation", type=float, metavar="DEGREES", help="of an orbit above the horizon (15, avatars 0)"
    )
    verb.add_argument(
        "--up", type=forms.direction, metavar="AXIS|X,Y,Z",
        help="the upward direction, such as z or 0,1,0.2; with a minus write --up=-y (scenes -y, avatars y)",
    )  # fmt: skip
    verb.add_argument(
        "--background", type=forms.background, metavar="R,G,B|none",
        help="0 to 255 each (default: transparent, or black where the format cannot be)",
    )  # fmt: skip
    verb.add_argument(
        "--antialias", action=argparse.BooleanOptionalAction,
        help="for splats trained with a low-pass filter (default: what the scene says)",
    )  # fmt: skip
    verb.add_argument("--repair", action="store_true", help="leave out broken splats")
    _add_pose(verb)
    verb.add_argument("--quiet", action="store_true", help="no progress and no summary")


def _add_pose(verb: CommandParser) -> None:
    verb.add_argument("--drive", metavar="FILE", help="avatars: what to do in every frame, a .json or .npz")
    verb.add_argument(
        "--pose", type=forms.pose, metavar="NAME=X,...", help="avatars: a pose, such as jawOpen=0.4,headYaw=10"
    )
    verb.add_argument("--frame", type=forms.whole_from(0), metavar="N", help="avatars: one frame of the drive, from 0")
    verb.add_argument("--rig", metavar="FILE", help="avatars: the rig, where the file names one without having it")


def _add_capture(verb: CommandParser) -> None:
    verb.add_argument("file", choices=["synth"], metavar="synth", help="a head that does not exist, drawn by procedure")
    _output(verb, "FOLDER", "the folder to write; it must not exist or be empty")
    verb.add_argument("--seed", type=forms.whole_from(0), default=0, metavar="N", help="of the head's looks (0)")
    verb.add_argument("--size", type=forms.size, default=(550, 802), metavar="WxH", help="of the pictures (550x802)")
    verb.add_argument("--frames", type=forms.whole_from(2), default=60, metavar="N", help="moments of the script (60)")
    verb.add_argument("--cameras", type=forms.whole_from(1), default=16, metavar="N", help="around the face (16)")
    verb.add_argument(
        "--faces", type=forms.whole_from(2000), default=10_000, metavar="N", help="of the mesh, about (10000)"
    )
    verb.add_argument("--rig", metavar="FILE", help="a rig to paint and move instead of the procedural head")
    verb.add_argument("--quiet", action="store_true", help="no progress and no summary")
