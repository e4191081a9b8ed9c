from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sfumato
from media.avatar.samples import PaintedSphere
from sfumato.errors import CheckpointError, InputError, OutputError
from sfumato.kernels.splats3d import render
from sfumato.media.avatar.encode import AvatarReport, AvatarSettings, encode_capture
from sfumato.media.image.settings import Progress
from sfumato.quality.metrics import psnr
from sfumato.sources.npz import npz_bytes

QUICK = AvatarSettings(steps=150, splats=120, depth=3)
SPHERE = PaintedSphere()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return SPHERE.write(tmp_path_factory.mktemp("captures") / "sphere")


@pytest.fixture(scope="module")
def made(folder: Path) -> tuple[Path, AvatarReport]:
    target = folder.parent / "sphere.sfu"
    return target, encode_capture(folder, target, QUICK)


def test_a_capture_becomes_a_file_that_shows_what_its_pictures_show(folder: Path, made):
    path, report = made
    asset = sfumato.open(path)
    assert path.stat().st_size == report.bytes
    assert report.splats == len(asset.pose(vertices=SPHERE.meshes[0]).splats()) <= 120
    truth = SPHERE.image(0, 6, np.ones(3))  # of the held-out camera
    shown = asset.pose(vertices=SPHERE.meshes[0]).render(SPHERE.cameras[6])
    assert psnr(shown, truth) > 18
    assert psnr(shown, truth) > psnr(np.ones_like(truth), truth) + 6


def test_the_index_says_how_good_every_prefix_is(made):
    _, report = made
    qualities = [prefix.quality_db for prefix in report.prefixes]
    assert all(quality is not None for quality in qualities)
    assert qualities[-1] == report.psnr_db
    assert qualities[-1] > qualities[0]
    assert len(report.levels_db) == 3


def test_a_capture_without_a_rig_can_be_posed_by_what_its_meshes_did(made):
    path, _ = made
    asset = sfumato.open(path)
    assert asset.rig.shape_names[0] == "tracked 01"
    still, moved = asset.pose().mesh(), asset.pose({"tracked 01": 1.0}).mesh()
    assert np.abs(moved - still).max() > 0.02


def test_the_same_seed_gives_the_same_bytes(folder: Path, made, tmp_path: Path):
    again = encode_capture(folder, tmp_path / "again.sfu", QUICK)
    assert (tmp_path / "again.sfu").read_bytes() == made[0].read_bytes()
    assert again.bytes == made[1].bytes


def test_an_interrupted_encode_leaves_no_file_and_goes_on(folder: Path, made, tmp_path: Path):
    target = tmp_path / "head.sfu"

    def stop(progress: Progress) -> None:
        if progress.fraction > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode_capture(folder, target, QUICK, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["head.sfu.checkpoint"]
    with pytest.raises(CheckpointError, match="another steps"):
        encode_capture(folder, target, AvatarSettings(steps=151, splats=120, depth=3), resume=True)
    encode_capture(folder, target, QUICK, resume=True)
    assert target.read_bytes() == made[0].read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["head.sfu"]


def test_smaller_pictures_are_learned_from_on_request(folder: Path, tmp_path: Path):
    report = encode_capture(folder, tmp_path / "small.sfu", AvatarSettings(steps=60, splats=80, scale=0.5))
    assert report.splats <= 80
    truth = SPHERE.image(0, 0, np.ones(3))
    shown = sfumato.open(tmp_path / "small.sfu").pose(vertices=SPHERE.meshes[0]).render(SPHERE.cameras[0])
    assert psnr(shown, truth) > psnr(np.ones_like(truth), truth) + 3


def broken(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "broken"))


def with_vertices(root: Path, vertices: np.ndarray, faces: np.ndarray = SPHERE.faces) -> None:
    (root / "vertices.npz").write_bytes(npz_bytes({"vertices": vertices, "faces": faces.astype(np.int32)}))


def test_a_missing_picture_is_named(folder: Path, tmp_path: Path):
    root = broken(folder, tmp_path)
    (root / "images" / "0001" / "3.png").unlink()
    with pytest.raises(InputError, match=r"0001.*3"):
        encode_capture(root, tmp_path / "x.sfu", QUICK)
    assert not (tmp_path / "x.sfu").exists()


def test_a_mask_of_another_size_is_named(folder: Path, tmp_path: Path):
    root = broken(folder, tmp_path)
    Image.new("L", (10, 10)).save(root / "masks" / "0002" / "4.png")
    with pytest.raises(InputError, match=r"frame '0002'.*4\.png.*mask is 10 x 10"):
        encode_capture(root, tmp_path / "x.sfu", QUICK)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_vertices_that_are_no_numbers_are_named_by_frame_and_file(folder: Path, tmp_path: Path, bad):
    root, meshes = broken(folder, tmp_path), SPHERE.meshes.copy()
    meshes[2, 5, 1] = bad
    with_vertices(root, meshes)
    with pytest.raises(InputError, match=r"frame '0002'.*vertices\.npz.*vertex 5"):
        encode_capture(root, tmp_path / "x.sfu", QUICK)


def test_frames_without_a_mesh_are_named(folder: Path, tmp_path: Path):
    root = broken(folder, tmp_path)
    with_vertices(root, SPHERE.meshes[:3])
    with pytest.raises(InputError, match=r"vertices\.npz"):
        encode_capture(root, tmp_path / "x.sfu", QUICK)


def test_a_camera_that_sees_nothing_is_named(folder: Path, tmp_path: Path):
    root = broken(folder, tmp_path)
    with_vertices(root, SPHERE.meshes + np.float32(100))
    with pytest.raises(InputError, match=r"frame '0000', camera '0'.*no vertex"):
        encode_capture(root, tmp_path / "x.sfu", QUICK)


def test_faces_that_can_carry_nothing_are_named_by_frame_and_file(folder: Path, tmp_path: Path):
    root, faces = broken(folder, tmp_path), SPHERE.faces.copy()
    faces[7] = faces[7][[0, 0, 1]]
    with_vertices(root, SPHERE.meshes, faces)
    with pytest.raises(InputError, match=r"frame '0000'.*vertices\.npz.*face 7 is degenerate"):
        encode_capture(root, tmp_path / "x.sfu", QUICK)


def test_faces_that_meet_at_an_edge_of_three_are_named(folder: Path, tmp_path: Path):
    root = broken(folder, tmp_path)
    with_vertices(root, SPHERE.meshes, np.concatenate([SPHERE.faces, SPHERE.faces[:1]]))
    with pytest.raises(InputError, match="non-manifold"):
        encode_capture(root, tmp_path / "x.sfu", QUICK)


def test_an_output_that_cannot_be_written_is_refused_before_the_fit(folder: Path, tmp_path: Path):
    with pytest.raises(OutputError, match="there is no folder"):
        encode_capture(folder, tmp_path / "none" / "x.sfu")


def test_every_prefix_can_be_drawn(made):
    path, report = made
    asset = sfumato.open(path)
    for prefix in report.prefixes:
        splats = asset.pose(vertices=SPHERE.meshes[1]).splats(f"{prefix.length}")
        assert len(splats) == prefix.splats
        assert np.isfinite(render(splats, SPHERE.cameras[0]).color).all()
