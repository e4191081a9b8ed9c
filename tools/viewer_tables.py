"""Writes the numbers and names of the format for the viewer: `PYTHONPATH=src python tools/viewer_tables.py`.

viewer/src/decode/tables.ts holds what the TypeScript decoder shares with this package: probability tables, chunk kinds,
members of HEAD, caps and the constants of the quantisers. A test fails when the file differs from what this script
makes of the definitions.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfumato import errors
from sfumato.coding import boxes, coder, contexts, halving, occupancy, tables
from sfumato.container import head, index, layout
from sfumato.media.avatar import codec as avatar_codec
from sfumato.media.avatar import frames as avatar_frames
from sfumato.media.avatar import header as avatar_header
from sfumato.media.avatar import known as avatar_known
from sfumato.media.avatar import layout as avatar_layout
from sfumato.media.avatar import quantise as avatar_quantise
from sfumato.media.avatar import rig_columns, rig_faces, rig_header, rig_ladder, rig_quantise, rig_reader
from sfumato.media.image import codec as image_codec
from sfumato.media.image import decoder as image_decoder
from sfumato.media.image import model as image_model
from sfumato.media.image import quantise as image_quantise
from sfumato.media.scene import codec as scene_codec
from sfumato.media.scene import layout as scene_layout
from sfumato.media.scene import quantise as scene_quantise
from sfumato.rig import ARKIT_NAMES
from sfumato.splats import SH_C0

OUTPUT = Path(__file__).parents[1] / "viewer" / "src" / "decode" / "tables.ts"

_LINE = 118  # characters


def split_law(n: int, split_class: int) -> list[int]:
    """About the table of a class for n points: rational arithmetic alone, which every machine does alike.

    The laws are those of make_tables.py, from which they differ where remainders are as good as equal.
    """
    weights = [1.0]
    for k in range(n):
        if n - 1 - k < k:
            weights.append(weights[n - 1 - k])
            continue
        ratio = (n - k) / (k + 1)
        weight = weights[k] * ratio
        if split_class < len(tables.BINOMIAL_POWERS):
            for _ in range(1, tables.BINOMIAL_POWERS[split_class]):
                weight *= ratio
        else:
            alpha = tables.BETA_ALPHAS[split_class - len(tables.BINOMIAL_POWERS)]
            weight *= (k + alpha) / (n - 1 - k + alpha)
        weights.append(weight)
    total = 0.0
    for weight in weights:
        total += weight
    spare = tables.TOTAL - n - 1
    exact = [weight / total * spare for weight in weights]
    law = [int(value) + 1 for value in exact]
    remainders = sorted(range(n + 1), key=lambda k: law[k] - exact[k])
    for k in remainders[: tables.TOTAL - sum(law)]:
        law[k] += 1
    return law


def surprises(frequencies: NDArray[np.uint16], bases: NDArray[np.int64]) -> list[int]:
    """What is left of all frequencies when a decoder predicts each from what it knows.

    Splits are predicted by their law. Of other tables, a symbol behind the middle of a symmetric one is predicted from
    its mirror image, any other by going on geometrically, never beyond what is left of the sum. The last of a table
    follows from the sum and is left out.
    """
    found = []
    for number, (first, end) in enumerate(zip(bases[:-1].tolist(), bases[1:].tolist(), strict=True)):
        table = frequencies[first:end].astype(int).tolist()
        split_class = (number - tables.SPLIT_FIRST) // tables.SPLITS_PER_CLASS
        law = split_law(len(table) - 1, split_class) if split_class >= 0 else []
        mirror = len(table) - 2 if number >= tables.SIGNED_FIRST else 2 * len(table)
        left = tables.TOTAL
        for at, frequency in enumerate(table[:-1]):
            if law:
                expected = law[at]
            elif mirror - at < at:
                expected = table[mirror - at]
            elif at == 0:
                expected = 0
            else:
                expected = table[at - 1] * table[at - 1] // table[max(at - 2, 0)]
            found.append(frequency - min(expected, left))
            left -= frequency
    return found


def constants() -> dict[str, Any]:
    """Every constant of tables.ts by its name there; names say which part of the format they belong to."""
    quantise = scene_quantise
    avatar = avatar_quantise
    return {
        "SIGNATURE": list(layout.SIGNATURE),
        "CHUNK_HEADER_BYTES": layout.CHUNK_HEADER.size,
        "CHUNK_OVERHEAD": layout.OVERHEAD,
        "MAX_PAYLOAD": layout.MAX_PAYLOAD,
        "MAX_HEAD_PAYLOAD": layout.MAX_HEAD_PAYLOAD,
        "MAX_CHUNKS": layout.MAX_CHUNKS,
        "MAX_LEVELS": layout.MAX_LEVELS,
        "MAX_HEAD_DEPTH": head._MAX_DEPTH,
        "MAX_LEVEL_SPLATS": head._MAX_SPLATS,
        "HEAD": layout.HEAD,
        "INDX": layout.INDX,
        "HEAD_VERSION": head.VERSION,
        "HEAD_MEMBERS": list(head._COMMON),
        "MEDIA": list(head.MEDIA),
        "INDX_VERSION": index.VERSION,
        "INDX_START_BYTES": index._PREAMBLE.size,
        "INDX_ENTRY_BYTES": index._ENTRY.size,
        "INDX_REGION_BYTES": index._REGION.size,
        "INDX_UNKNOWN_QUALITY": index._UNKNOWN,
        "RANS_PRECISION": tables.PRECISION,
        "TABLE_COUNT": tables.TABLE_COUNT,
        "WIDEST_UNIFORM": tables.WIDEST_UNIFORM,
        "ESCAPE_CLASSES": tables.ESCAPE_CLASSES,
        "LARGEST_VALUE": tables.LARGEST_VALUE,
        "ESCAPE": tables.ESCAPE,
        "SIGN_AND_LOW": coder._SIGN_AND_LOW,
        "SIGNED_FIRST": tables.SIGNED_FIRST,
        "SIGNED_SHAPES": tables.SIGNED_SHAPES,
        "SIGNED_SCALES": tables.SIGNED_SCALES,
        "SPLIT_FIRST": tables.SPLIT_FIRST,
        "LARGEST_SPLIT": tables.LARGEST_SPLIT,
        "SPLITS_PER_CLASS": tables.SPLITS_PER_CLASS,
        "BINOMIAL_POWERS": tables.BINOMIAL_POWERS,
        "BETA_ALPHAS": tables.BETA_ALPHAS,
        "SPLIT_GROUP_FROM": halving._GROUP_FROM.tolist(),
        "SPLIT_GROUP_TO": halving._GROUP_TO.tolist(),
        "SPLIT_CLASS_BITS": halving._CLASS_BITS,
        "LOOSEST_SPLIT": halving._LOOSEST,
        "WIDE_SCALES": contexts.WIDE_SCALES,
        "WIDE_TABLES": contexts.WIDE_TABLES,
        "WIDE_SHIFT_FROM": contexts._SHIFT_FROM,
        "WIDE_SHIFT_EVERY": contexts._SHIFT_EVERY,
        "LARGEST_SIDE_2D": occupancy.LARGEST_SIDE,
        "LARGEST_SIDE_3D": boxes.LARGEST_SIDE_3D,
        "IMAGE_KIND": image_codec.KIND,
        "IMAGE_MAX_SIDE": image_decoder.MAX_SIDE,
        "IMAGE_MARGIN": image_model.MARGIN,
        "IMAGE_MAX_CELLS": image_codec.MAX_CELLS,
        "IMAGE_MODEL_TABLES": contexts.MODEL_TABLES,
        "IMAGE_MAX_CLASS": image_codec._MAX_CLASS,
        "IMAGE_FRACTION": image_quantise.FRACTION,
        "IMAGE_MEAN_BITS": image_codec._MEAN_BITS,
        "IMAGE_LOG_STEPS": list(image_quantise._LOG_STEPS),
        "IMAGE_TILT_STEPS": list(image_quantise._TILT_STEPS),
        "IMAGE_POSITION_LOG": image_quantise._POSITION_LOG,
        "IMAGE_MAX_REFINEMENT": image_quantise.MAX_REFINEMENT,
        "SCENE_KINDS": {"nodes": scene_codec.NODES, "leaves": scene_codec.LEAVES, "bands": scene_codec.BANDS},
        "SCENE_MEMBERS": list(scene_layout.Layout((0.0, 0.0, 0.0), 0, (1, 1, 1), 1).fields()),
        "SCENE_MAX_SPLATS": scene_layout.MAX_SPLATS,
        "SCENE_LARGEST_PLACE": scene_layout.LARGEST_PLACE,
        "SCENE_MAX_GROUPS": scene_codec.MAX_GROUPS,
        "SCENE_MODELS": scene_codec.MODELS,
        "SCENE_BAND_MODELS": scene_codec.BAND_MODELS,
        "SCENE_OFFSET_BITS": scene_codec.OFFSET_BITS,
        "SCENE_SHARE_BITS": scene_codec.SHARE_BITS,
        "SCENE_COLOR_UNIT": scene_codec._COLOR_UNIT,
        "SCENE_LARGEST_SHIFT": scene_codec._LARGEST_SHIFT,
        "SCENE_OCTAVE": quantise.OCTAVE,
        "SCENE_LENGTH": quantise.LENGTH,
        "SCENE_ROOTS": quantise.ROOTS.tolist(),
        "SCENE_LEVEL_LIMIT": quantise.LEVEL_LIMIT,
        "SCENE_MAX_FINE": quantise.MAX_FINE,
        "SCENE_LARGEST_LOG": quantise.LARGEST_LOG,
        "SCENE_LENGTH_STEP": [quantise.LENGTH_STEP, quantise.LENGTH_LIMIT],
        "SCENE_SECOND_STEP": [quantise.SECOND_STEP, quantise.SECOND_LIMIT],
        "SCENE_THIRD_STEP": [quantise.THIRD_STEP, quantise.THIRD_LIMIT],
        "SCENE_OPACITY_STEP": [quantise.OPACITY_STEP, quantise.OPACITY_LIMIT],
        "SCENE_DIRECTION_STEP": [quantise.DIRECTION_STEP, quantise.DIRECTION_LIMIT],
        "SCENE_ROLL_STEP": [quantise.ROLL_STEP, quantise.ROLL_LIMIT],
        "SCENE_POSITION_STEP": quantise.POSITION_STEP,
        "SCENE_GROWTH": quantise._GROWTH,
        "SCENE_LARGEST_GROWN": quantise._LARGEST_GROWN,
        "SCENE_THINNEST": quantise._THINNEST,
        "SCENE_DARKEST": quantise._DARKEST,
        "SCENE_COLOR_STEP": quantise.COLOR_STEP,
        "SCENE_BAND_COARSER": quantise.BAND_COARSER,
        "SCENE_ROTATION_STEP": quantise.ROTATION_STEP,
        "AVATAR_KINDS": {"mesh": avatar_layout.MESH, "shapes": avatar_layout.SHAPES, "tree": avatar_layout.TREE},
        "AVATAR_MEMBERS": list(avatar_layout.Layout(1, 3, 1, 1, 0, ((0.0,) * 3, (0.0,) * 3)).fields()),
        "AVATAR_MAX_SPLATS": avatar_known.MAX_SPLATS,
        "AVATAR_MAX_DEPTH": avatar_layout.MAX_DEPTH,
        "AVATAR_FARTHEST": avatar_layout.FARTHEST,
        "RIG_MAX_VERTICES": rig_header.MAX_VERTICES,
        "RIG_MAX_FACES": rig_header.MAX_FACES,
        "RIG_MAX_SHAPES": rig_header.MAX_SHAPES,
        "RIG_MAX_JOINTS": rig_header.MAX_JOINTS,
        "RIG_MAX_MOVES": rig_header.MAX_MOVES,
        "RIG_MAX_WEIGHTS": rig_header.MAX_WEIGHTS,
        "RIG_MAX_AT_ONCE": rig_header.MAX_AT_ONCE,
        "RIG_FLAGS": {
            "reference": rig_header.BY_REFERENCE,
            "regressor": rig_header.REGRESSOR,
            "correctives": rig_header.CORRECTIVES,
        },
        "RIG_FARTHEST": rig_reader.FARTHEST,
        "RIG_STEPS": [rig_reader.FINEST, rig_reader.COARSEST],
        "RIG_LIMIT": rig_columns.LIMIT,
        "RIG_WHOLE": rig_quantise.WHOLE,
        "RIG_REGRESSOR_PARTS": rig_quantise.REGRESSOR_PARTS,
        "RIG_SLOTS": rig_faces.SLOTS,
        "RIG_FACE_MODELS": rig_faces.FACE_MODELS,
        "RIG_OPEN": rig_faces._OPEN,
        "RIG_COLORS": rig_ladder._COLORS,
        "RIG_TOP": rig_ladder._TOP,
        "RIG_LEVELS": rig_ladder._LEVELS,
        "RIG_FACTOR": rig_ladder._FACTOR,
        "ARKIT_NAMES": list(ARKIT_NAMES),
        "TREE_MAX_CHUNK": avatar_header.MAX_CHUNK,
        "TREE_MODELS": {
            "face": avatar_header.FACE_MODELS,
            "band": avatar_header.BAND_MODELS,
            "point": avatar_header.POINT_MODELS,
            "patch": avatar_header.PATCH_MODELS,
        },
        "TREE_SIDE": avatar_codec._SIDE,
        "TREE_SPLIT_COLUMNS": avatar.SPLIT_COLUMNS,
        "TREE_UNITS": {"logit": avatar.LOGIT, "place": avatar.PLACE, "turn": avatar.TURN, "shade": avatar.SHADE},
        "TREE_MOST": {
            "scale": avatar.SCALE_MOST,
            "logit": avatar.LOGIT_MOST,
            "place": avatar.PLACE_MOST,
            "turn": avatar.TURN_MOST,
            "shade": avatar.SHADE_MOST,
        },
        "TREE_LENGTH_STEP": [avatar.LENGTH_LOG, avatar.LENGTH_LIMIT],
        "TREE_THIRD_STEP": [avatar.THIRD_LOG, avatar.LENGTH_LIMIT],
        "TREE_OPACITY_STEP": [avatar.OPACITY_LOG, avatar.OPACITY_LIMIT],
        "TREE_POINT_STEP": [avatar.POINT_LOG, avatar.POINT_LIMIT],
        "TREE_COLOR_STEP": [avatar.COLOR_LOG, avatar.COLOR_LIMIT],
        "TREE_BAND_STEP": [avatar.BAND_LOG, avatar.COLOR_LIMIT],
        "TREE_PLACE_STEP": [avatar._PLACE_LOG, avatar._PLACE_LIMIT],
        "TREE_TURN_LOG": avatar._TURN_LOG,
        "FRAME_FLAT": avatar_frames.FLAT,
        "SH_C0": SH_C0,
        "FORMAT_ERRORS": sorted(error.__name__ for error in errors.FormatError.__subclasses__()),
    }


def source() -> str:
    """The text of tables.ts."""
    lines = [
        "// Made by tools/viewer_tables.py from the definitions of the Python package; not to be edited.",
        "",
    ]
    for name, value in constants().items():
        suffix = " as const" if isinstance(value, (list, tuple, dict)) else ""
        lines += _wrapped(f"export const {name} = {json.dumps(value)}{suffix};")
    table_set = tables.table_set()
    text = ",".join(str(number or "") for number in surprises(table_set.frequencies, table_set.bases))
    lines += [
        "",
        "/** Of every frequency what is left when it is predicted, see rans_tables.ts; nothing where that is 0. */",
        "export const SURPRISES =",
        *(f'  "{text[at : at + _LINE - 6]}" +' for at in range(0, len(text), _LINE - 6)),
    ]
    lines[-1] = lines[-1].removesuffix(" +") + ";"
    return "\n".join(lines) + "\n"


def _wrapped(line: str) -> list[str]:
    """A declaration in lines of at most `_LINE` characters, broken behind commas."""
    found = [""]
    for word in line.split(" "):
        joined = f"{found[-1]} {word}" if found[-1].strip() else found[-1] + word
        if len(joined) > _LINE:
            found.append("  " + word)
        else:
            found[-1] = joined
    return found


if __name__ == "__main__":
    OUTPUT.write_text(source())
