"""Large scenes are encoded piece by piece, and nobody sees it in the file."""

from __future__ import annotations

import pytest

from media.scene.samples import encoded, scene
from sfumato.media.scene import packed, prepare


@pytest.mark.parametrize("degree", [0, 2])
def test_the_file_does_not_depend_on_how_much_is_computed_at_once(degree: int) -> None:
    splats = scene(700, degree, seed=5)
    whole = encoded(splats, small=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "_ROWS", 64)
        patch.setattr(prepare, "_MERGED_AT_ONCE", 50)
        assert encoded(splats, small=True) == whole
