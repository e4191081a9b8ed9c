"""Numbers to bytes and back: integer probability tables, interleaved rANS, points of a grid.

A codec imports from here: `SymbolEncoder` and `SymbolDecoder`, the two directions of one `Coder`; `code_points` for
points in 2D, `code_boxes` and what follows it for points in 3D; and the functions that name or choose a table.
"""

from sfumato.coding.boxes import box_of, canonical_order_3d, code_boxes, code_points_in, split_boxes
from sfumato.coding.coder import Coder, SymbolDecoder, SymbolEncoder
from sfumato.coding.halving import Boxes
from sfumato.coding.occupancy import canonical_order, code_points
from sfumato.coding.tables import best_signed_table, signed_bits, signed_table, uniform_table

__all__ = [
    "Boxes",
    "Coder",
    "SymbolDecoder",
    "SymbolEncoder",
    "best_signed_table",
    "box_of",
    "canonical_order",
    "canonical_order_3d",
    "code_boxes",
    "code_points",
    "code_points_in",
    "signed_bits",
    "signed_table",
    "split_boxes",
    "uniform_table",
]
