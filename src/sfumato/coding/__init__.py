"""Numbers to bytes and back: integer probability tables, interleaved rANS, points of a grid.

A codec imports from here: `SymbolEncoder` and `SymbolDecoder`, the two directions of one `Coder`; `code_points`; and
the functions that name or choose a table.
"""

from sfumato.coding.coder import Coder, SymbolDecoder, SymbolEncoder
from sfumato.coding.occupancy import canonical_order, code_points
from sfumato.coding.tables import best_signed_table, signed_bits, signed_table, uniform_table

__all__ = [
    "Coder",
    "SymbolDecoder",
    "SymbolEncoder",
    "best_signed_table",
    "canonical_order",
    "code_points",
    "signed_bits",
    "signed_table",
    "uniform_table",
]
