from __future__ import annotations

import pytest

from sfumato.coding.native_rans import NativeRans
from sfumato.coding.rans import PythonRans, Rans
from sfumato.kernels.library import NativeLibrary, native


def _implementations() -> dict[str, Rans]:
    found: dict[str, Rans] = {"python": PythonRans()}
    library = native()
    if library is not None:
        levels = ("base", "v3", "v4")
        for isa in levels[: levels.index(library.isa) + 1]:
            found[isa] = NativeRans(NativeLibrary(library._handle, isa))
    return found


IMPLEMENTATIONS = _implementations()


@pytest.fixture(scope="session", params=list(IMPLEMENTATIONS))
def rans(request: pytest.FixtureRequest) -> Rans:
    """The Python reference and the kernels of every instruction set this machine runs, in turn."""
    return IMPLEMENTATIONS[request.param]
