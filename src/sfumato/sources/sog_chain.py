"""Streamed SOG: a lod-meta.json and the same scene again as SOG folders at several levels of detail.

Facts after the format's specification (developer.playcanvas.com, "The Streamed SOG Format"). Levels replace one
another; level 0 is the finest.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sfumato.errors import InputError
from sfumato.sources.checked import Scene
from sfumato.sources.sog import read_sog
from sfumato.sources.sog_members import open_members, read_json
from sfumato.splats import Splats3D

CHAIN_META = "lod-meta.json"

Span = tuple[int, int]  # first splat, how many


@dataclass(frozen=True)
class SogChain:
    """The levels of a streamed SOG, read one at a time. An environment, which all levels share, is not part of them.

    path: of the lod-meta.json. levels: for each level, finest first, the splats it takes from each SOG: the folder's
    meta.json and spans (first splat, count) in it.
    """

    path: Path
    levels: tuple[dict[Path, tuple[Span, ...]], ...]

    def count(self, level: int) -> int:
        """How many splats `level` has, as lod-meta.json says."""
        return sum(count for spans in self._spans(level).values() for _, count in spans)

    def files(self, level: int) -> tuple[Path, ...]:
        """All files, whole, that a viewer fetches to show `level`: each meta.json and the pictures beside it."""
        folders = {meta.parent for meta in self._spans(level)}
        return tuple(file for folder in sorted(folders) for file in sorted(folder.iterdir()) if file.is_file())

    def read(self, level: int) -> Scene:
        """The splats of `level`, those of each SOG in their order.

        Raises: InputError if a file of the level is missing or damaged, or has fewer splats than the tree says.
        """
        parts: list[Splats3D] = []
        antialiased = False
        for meta, spans in self._spans(level).items():
            scene = read_sog(meta)
            antialiased |= scene.antialiased
            if max(first + count for first, count in spans) > len(scene.splats):
                raise self._wrong(f"a node lies beyond the {len(scene.splats):,} splats of '{meta}'")
            parts += [scene.splats[first : first + count] for first, count in spans]
        degree = max(part.sh_degree for part in parts)
        splats = Splats3D.concatenate([part.with_sh_degree(degree) for part in parts])
        return Scene(splats, "streamed SOG", antialiased)

    def _spans(self, level: int) -> dict[Path, tuple[Span, ...]]:
        if not 0 <= level < len(self.levels) or not self.levels[level]:
            raise self._wrong(f"there is no level {level}; there are {len(self.levels)}, from 0, the finest")
        return self.levels[level]

    def _wrong(self, what: str) -> InputError:
        return InputError(f"cannot read '{self.path}': {what}; export it again")


def read_sog_chain(path: str | os.PathLike[str]) -> SogChain:
    """Read the lod-meta.json at `path`, or in the folder at `path`; splats are read by `SogChain.read`.

    Raises: InputError if it is missing or damaged, or names files outside its folder.
    """
    path = Path(path)
    folder, name = (path, CHAIN_META) if path.is_dir() else (path.parent, path.name)
    with open_members(folder) as read:
        meta = read_json(path, name, read)
    chain = SogChain(folder / name, ())
    files = meta.get("filenames")
    if not isinstance(files, list) or not files:
        raise chain._wrong("'filenames' must list the SOGs")
    places = [folder / _inside(chain, file) for file in files]
    spans: defaultdict[int, defaultdict[Path, list[Span]]] = defaultdict(lambda: defaultdict(list))
    for level, file, first, count in _leaves(chain, meta.get("tree"), len(places)):
        spans[level][places[file]].append((first, count))
    levels = [{meta: tuple(sorted(found)) for meta, found in spans[k].items()} for k in range(max(spans) + 1)]
    return SogChain(chain.path, tuple(levels))


def _inside(chain: SogChain, name: Any) -> PurePosixPath:
    """The relative path of a SOG's meta.json, which must not lead out of the chain's folder."""
    relative = PurePosixPath(name) if isinstance(name, str) else PurePosixPath("..")
    if relative.is_absolute() or ".." in relative.parts or any(c in str(relative) for c in "\\:\0"):
        raise chain._wrong(f"'filenames': {name!r} does not lie in its folder; do not trust this file")
    return relative


def _leaves(chain: SogChain, tree: Any, files: int) -> list[tuple[int, int, int, int]]:
    """(level, file, first splat, count) of every node that holds splats."""
    found, nodes = [], [tree]
    while nodes:
        node = nodes.pop()
        if not isinstance(node, dict) or not isinstance(node.get("lods", {}), dict):
            raise chain._wrong("'tree' has a node that is no object with 'lods' or 'children'")
        children = node.get("children", [])
        nodes += children if isinstance(children, list) else [None]
        for level, lod in node.get("lods", {}).items():
            numbers: list[Any] = [int(level) if level.isdecimal() and len(level) < 4 else -1]
            numbers += [lod.get(key) if isinstance(lod, dict) else -1 for key in ("file", "offset", "count")]
            if not all(isinstance(v, int) and v >= 0 for v in numbers) or numbers[1] >= files:
                raise chain._wrong(f"'tree' has a node whose level '{level[:20]}' is not file, offset and count")
            found.append((numbers[0], numbers[1], numbers[2], numbers[3]))
    if not found:
        raise chain._wrong("'tree' holds no splats")
    return found
