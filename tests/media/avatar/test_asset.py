"""An avatar's file, open: poses at any budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sfumato
from media.avatar.heads import ends, small_file, small_rig
from sfumato.camera import Camera
from sfumato.kernels.splats3d import render
from sfumato.media.avatar import asset as asset_module
from sfumato.media.avatar.asset import AvatarAsset
from sfumato.media.avatar.decoder import AvatarDecoder
from sfumato.splats import Splats3D

DATA = small_file()
CAMERA = Camera.look_at(np.array([0.1, 0, 1.0]), np.zeros(3), width=40, height=60, fov_degrees=20, up=(0, 1, 0))


@pytest.fixture
def asset() -> AvatarAsset:
    found = sfumato.open(DATA)
    assert isinstance(found, AvatarAsset)
    return found


def equal(one: Splats3D, other: Splats3D) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("mean", "rotation", "scale", "opacity", "sh")
    )


def test_an_avatar_opens_from_a_file_and_from_bytes(asset: AvatarAsset, tmp_path: Path) -> None:
    (tmp_path / "head.sfu").write_bytes(DATA)
    from_file = sfumato.open(tmp_path / "head.sfu")
    assert isinstance(from_file, AvatarAsset) and from_file.path == tmp_path / "head.sfu"
    assert from_file.complete and asset.path is None
    assert equal(from_file.pose(jaw_open=0.4).splats(), asset.pose(jaw_open=0.4).splats())


def test_the_front_page_example_works(asset: AvatarAsset) -> None:
    picture = asset.pose(jaw_open=0.4, head_yaw=10).render(CAMERA, budget="60%")
    assert picture.shape == (60, 40, 3) and picture.dtype == np.float32
    assert picture.min() >= 0 and picture.max() <= 1
    np.testing.assert_allclose(picture[0, 0], [0.2, 0.4, 0.6], atol=1e-6)  # the colour on which it was learned


def test_a_picture_is_what_the_kernel_draws_of_the_posed_splats(asset: AvatarAsset) -> None:
    pose = asset.pose({"jawOpen": 0.4}, translation=[0, 0.01, 0])
    exact = render(pose.splats(), CAMERA, background=(1, 0, 0)).color
    np.testing.assert_array_equal(pose.render(CAMERA, background=(1, 0, 0)), np.clip(exact, 0, 1))


def test_a_budget_shows_exactly_what_its_bytes_do(asset: AvatarAsset) -> None:
    for prefix in asset.prefixes:
        decoder = AvatarDecoder()
        decoder.feed(DATA[: prefix.length])
        assert decoder.state is not None
        expected = decoder.state.posed(decoder.state.rig.drive({"jawOpen": 0.4}))
        assert equal(asset.pose(jaw_open=0.4).splats(f"{prefix.length} bytes"), expected)
        assert len(expected) == prefix.splats
    assert len(asset.pose().splats("60 splats")) <= 60
    assert len(asset.pose().splats("level 0")) == 32


def test_a_budget_may_end_inside_the_base_level(asset: AvatarAsset) -> None:
    where = ends(DATA)
    counts = [len(asset.pose().splats(f"{length} bytes")) for length in where[2:6]]
    assert counts == [8, 8, 16, 24]  # shapes come after the first of them
    with pytest.raises(sfumato.BudgetError, match="it ends before the first splats; the base level takes"):
        asset.pose().splats(f"{where[1]} bytes")
    with pytest.raises(sfumato.BudgetError, match="cannot hold the first chunk of the base level"):
        asset.pose().splats("10 bytes")


def test_names_whose_shapes_are_not_in_the_budget_have_no_effect(asset: AvatarAsset) -> None:
    wide, still = asset.pose(jaw_open=1), asset.pose()
    early = f"{ends(DATA)[2]} bytes"
    assert equal(wide.splats(early), still.splats(early))
    np.testing.assert_array_equal(wide.mesh(early), asset.rig.vertices)
    assert np.abs(wide.mesh() - asset.rig.vertices).max() > 0.005


def test_a_prefix_is_decoded_once_for_many_poses(asset: AvatarAsset, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[AvatarDecoder] = []

    class Counted(AvatarDecoder):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(asset_module, "AvatarDecoder", Counted)
    for step in range(5):
        asset.pose(jaw_open=step / 5).splats("50%")
        asset.pose(jaw_open=step / 5).splats("90%")
        asset.pose(jaw_open=step / 5).splats()
    assert len(made) == 2
    for budget in ("30%", "40%", "60%", "70%", "50%"):
        asset.state(budget)
    assert len(made) == 7  # 50 % had to make room


def test_a_cut_file_says_what_it_lacks(asset: AvatarAsset) -> None:
    cut = AvatarAsset.open(DATA[: ends(DATA)[9]])
    assert not cut.complete and len(cut.prefixes) < len(asset.prefixes) and cut.chunks == asset.chunks
    assert equal(cut.pose(jaw_open=0.4).splats(), asset.pose(jaw_open=0.4).splats(f"{ends(DATA)[9]} bytes"))
    with pytest.raises(sfumato.TruncatedError, match="the file ends after"):
        cut.pose().splats("100%")


def test_chunks_lie_where_the_asset_says(asset: AvatarAsset) -> None:
    for chunk, end in zip(asset.chunks, ends(DATA)[8:], strict=True):
        assert DATA[chunk.offset : chunk.offset + 4] == chunk.kind.encode()
        assert chunk.offset + chunk.bytes == end
    assert sum(chunk.splats for chunk in asset.chunks) + 32 == asset.layout.splats == asset.prefixes[-1].splats


def test_all_weights_may_come_as_an_array_or_as_a_mapping_with_more(asset: AvatarAsset) -> None:
    row = np.linspace(0.1, 0.5, 5)
    by_name = dict(zip(asset.rig.shape_names, row.tolist(), strict=True))
    np.testing.assert_allclose(asset.pose(row).mesh(), asset.rig.pose(by_name), atol=1e-7)
    np.testing.assert_allclose(
        asset.pose({"grin": 0.2}, ears_back=0.1).mesh(), asset.rig.pose({"grin": 0.2, "ears_back": 0.1}), atol=1e-7
    )
    with pytest.raises(sfumato.SettingsError, match=r"weights must be \[5\], one for each shape; got \[4\]"):
        asset.pose(row[:4])


def test_a_tracked_mesh_may_be_given_instead_of_weights(asset: AvatarAsset) -> None:
    mesh = asset.rig.vertices + np.float32(0.01)
    assert equal(asset.pose(vertices=mesh).splats(), asset.state().posed(mesh))
    with pytest.raises(sfumato.SettingsError, match="vertices say where everything is"):
        asset.pose(vertices=mesh, jaw_open=0.3)
    with pytest.raises(sfumato.SettingsError, match=r"cannot pose '<bytes>': the vertices of a pose must be \[18, 3\]"):
        asset.pose(vertices=mesh[:4])


def test_an_unknown_name_is_told_with_near_ones(asset: AvatarAsset) -> None:
    with pytest.raises(sfumato.SettingsError, match=r"cannot pose '<bytes>': 'jaw_opn' .* did you mean jawOpen"):
        asset.pose(jaw_opn=0.4)


def test_a_drive_is_a_row_of_poses(asset: AvatarAsset, tmp_path: Path) -> None:
    (tmp_path / "weights.json").write_text('{"fps": 12, "frames": [{"jawOpen": 0.3}, {"headYaw": 10}]}')
    driven = asset.drive(tmp_path / "weights.json")
    assert len(driven) == 2 and driven.fps == 12
    assert equal(driven[0].splats(), asset.pose(jaw_open=float(np.float32(0.3))).splats())
    assert equal(driven.single(1).splats(), asset.pose(head_yaw=10).splats())
    assert [pose.expression.turns[0] for pose in driven] == [0, 10]
    for frame, says in ((None, "one picture of 2 frames: choose one"), (2, "there are 2, counted from 0"), (-1, "-1")):
        with pytest.raises(sfumato.SettingsError, match=says):
            driven.single(frame)
    assert equal(asset.drive({"jaw_open": 0.4}).single().splats(), asset.pose(jaw_open=0.4).splats())


def test_a_rig_by_reference_is_needed_to_pose_and_must_be_the_right_one(tmp_path: Path) -> None:
    data = small_file(by_reference="small")
    alone = AvatarAsset.open(data)
    assert alone.reference is not None and alone.reference.name == "small"
    assert alone.pose().render(CAMERA).shape == (60, 40, 3)
    with pytest.raises(sfumato.InputError, match="names the rig 'small' without having it"):
        alone.pose(jaw_open=0.4)
    own = sfumato.open(data, rig=small_rig())
    assert isinstance(own, AvatarAsset)
    whole = AvatarAsset.open(DATA)
    np.testing.assert_allclose(own.pose(jaw_open=0.4).mesh("level 0"), whole.pose(jaw_open=0.4).mesh(), atol=2e-4)
    with pytest.raises(sfumato.SettingsError, match="the file has its own; leave it out"):
        sfumato.open(DATA, rig=small_rig())
    with pytest.raises(sfumato.InputError):
        sfumato.open(data, rig=tmp_path / "none.glb")


def test_other_media_have_no_rig(asset_file: Path) -> None:
    with pytest.raises(sfumato.SettingsError, match="only avatars have one"):
        sfumato.open(asset_file, rig=small_rig())
