"""3DGS PLY files come in as splats, or are refused with field and row."""

from __future__ import annotations

import itertools
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scene_files import assert_same, ply_fields, scene, shared, write_ply

from sfumato.errors import InputError
from sfumato.sources.scene import read_scene


@pytest.mark.parametrize("degree", range(4))
@pytest.mark.parametrize("normals", [True, False])
def test_every_degree_is_read_with_and_without_normals(tmp_path: Path, degree: int, normals: bool) -> None:
    expected = scene(degree=degree)
    fields = {k: v for k, v in ply_fields(expected).items() if normals or not k.startswith("n")}
    found = read_scene(write_ply(tmp_path / "a.ply", fields))
    assert (found.format, found.dropped, found.splats.sh_degree) == ("3DGS PLY", 0, degree)
    assert_same(found.splats, expected)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["float", "double"])
def test_byte_order_and_width_of_numbers_do_not_matter(tmp_path: Path, order: str, kind: str) -> None:
    expected = scene()
    assert_same(
        read_scene(write_ply(tmp_path / "a.ply", ply_fields(expected), order=order, kind=kind)).splats, expected
    )


def test_fields_in_another_order_and_fields_of_others_are_no_trouble(tmp_path: Path) -> None:
    expected = scene(degree=1)
    fields = dict(reversed(ply_fields(expected).items())) | {"segment": np.ones(20, np.float32)}
    before = "comment Windows\r\ncomment\ncomment Ångström\nelement camera 2\nproperty uchar id\nproperty float f\n"
    path = write_ply(tmp_path / "a.ply", fields, before=before, between=bytes(10), after="element face 0\n")
    assert_same(read_scene(path).splats, expected)


@pytest.mark.parametrize("text", ["SplatRenderMode: mip", "antialiased 1"])
def test_a_comment_says_that_a_scene_is_antialiased(tmp_path: Path, text: str) -> None:
    assert read_scene(write_ply(tmp_path / "a.ply", ply_fields(scene()), before=f"comment {text}\n")).antialiased


def test_harmonics_of_degree_4_are_cut_to_3_with_a_note(tmp_path: Path) -> None:
    expected = scene()
    fields = {k: v for k, v in ply_fields(expected).items() if not k.startswith("f_rest")}
    for channel in range(3):
        for k in range(24):
            fields[f"f_rest_{24 * channel + k}"] = expected.sh[:, k + 1, channel] if k < 15 else np.ones(20, np.float32)
    found = read_scene(write_ply(tmp_path / "a.ply", fields))
    assert_same(found.splats, expected)
    assert "degree 4" in found.notes[0]


def test_opaque_splats_with_infinite_logits_are_read_as_other_tools_mean_them(tmp_path: Path) -> None:
    fields = ply_fields(scene())
    fields["opacity"][[2, 3, 5]] = (np.inf, -np.inf, np.inf)
    found = read_scene(write_ply(tmp_path / "a.ply", fields))
    assert found.splats.opacity[[2, 3, 5]].tolist() == [1, 0, 1]
    assert (found.dropped, found.notes) == (0, ("3 opacities are infinite logits; they are read as 1 (opaque) or 0",))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *itertools.product(
            ["x", "z", "f_dc_1", "f_rest_0", "f_rest_44", "scale_2", "rot_3"], [np.nan, np.inf, -np.inf]
        ),
        ("opacity", np.nan),
    ],
)
def test_a_number_that_is_none_is_reported_by_field_and_row(tmp_path: Path, field: str, value: float) -> None:
    fields = ply_fields(scene())
    fields[field] = fields[field].copy()
    fields[field][[7, 11]] = value
    path = write_ply(tmp_path / "a.ply", fields)
    with pytest.raises(InputError, match=rf"a\.ply': row 7 of 20 .*{field} is .*; 2 of 20 splats are bad.*--repair"):
        read_scene(path)


def test_zero_scales_and_zero_rotations_are_reported_by_field_and_row(tmp_path: Path) -> None:
    fields = ply_fields(scene())
    write_ply(tmp_path / "a.ply", fields | {"scale_1": np.where(np.arange(20) == 3, -np.inf, fields["scale_1"])})
    with pytest.raises(InputError, match=r"row 3 of 20 .*scale_1 is a standard deviation of 0, which must be above 0"):
        read_scene(tmp_path / "a.ply")
    write_ply(tmp_path / "a.ply", fields | {f"rot_{i}": np.zeros(20, np.float32) for i in range(4)})
    with pytest.raises(InputError, match=r"row 0 of 20 .*rot_0 to rot_3 are all 0"):
        read_scene(tmp_path / "a.ply")


def test_repair_leaves_out_the_bad_splats_and_counts_them(tmp_path: Path) -> None:
    expected = scene(200_000, 0)  # several blocks, so that rows are counted across them
    fields = ply_fields(expected)
    bad = np.array([0, 65_535, 65_536, 150_000, 199_999])
    fields["y"] = fields["y"].copy()
    fields["y"][bad] = np.nan
    found = read_scene(write_ply(tmp_path / "a.ply", fields), repair=True)
    assert found.dropped == 5
    assert_same(found.splats, expected[np.setdiff1d(np.arange(200_000), bad)])
    fields["y"][bad[:3]] = 0
    with pytest.raises(InputError, match="row 150,000 of 200,000"):
        read_scene(write_ply(tmp_path / "a.ply", fields))


def test_a_scene_without_a_good_splat_cannot_be_repaired(tmp_path: Path) -> None:
    path = write_ply(tmp_path / "a.ply", ply_fields(scene()) | {"x": np.full(20, np.nan, np.float32)})
    with pytest.raises(InputError, match=r"row 0 of 20 .*x is not a finite number; all 20 splats are bad"):
        read_scene(path, repair=True)


@pytest.mark.parametrize(
    ("without", "says"),
    [
        (["opacity"], "the fields opacity of its splats are missing"),
        (["rot_0", "x"], "the fields x, rot_0 of its splats are missing"),
        (["scale_2"], "it holds 2D Gaussians"),
        (["f_rest_3"], "f_rest_3 is missing"),
        ([f"f_rest_{i}" for i in range(12, 45)], "they are 12, not 0, 9, 24 or 45"),
    ],
)
def test_missing_fields_are_named(tmp_path: Path, without: list[str], says: str) -> None:
    fields = {k: v for k, v in ply_fields(scene()).items() if k not in without}
    with pytest.raises(InputError, match=re.escape(says)):
        read_scene(write_ply(tmp_path / "a.ply", fields))


def test_surfels_are_refused_also_if_only_a_comment_says_so(tmp_path: Path) -> None:
    path = write_ply(tmp_path / "a.ply", ply_fields(scene()), before="comment SplatRenderMode: 2dgs\n")
    with pytest.raises(InputError, match=r"2D Gaussians.*train or export the scene as 3DGS"):
        read_scene(path)


def test_a_point_cloud_is_refused_as_one(tmp_path: Path) -> None:
    fields = {k: v for k, v in ply_fields(scene()).items() if k in ("x", "y", "z", "nx")}
    with pytest.raises(InputError, match="a mesh or a point cloud"):
        read_scene(write_ply(tmp_path / "a.ply", fields))


HEAD = b"ply\nformat binary_little_endian 1.0\n"


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (HEAD + b"element vertex 3\nproperty list uchar float opacity\nend_header\n", "opacity is a list where one"),
        (HEAD + b"element vertex 3\nproperty float x\nproperty float x\nend_header\n", "property x is there twice"),
        (HEAD + b"element vertex -3\nproperty float x\nend_header\n", "'element vertex -3' is not understood"),
        (HEAD + b"element vertex 1\nelement vertex 1\nend_header\n", "element vertex is there twice"),
        (HEAD + b"property float x\nend_header\n", "'property float x' is not understood"),
        (HEAD + b"element vertex 3\nproperty quad x\nend_header\n", "'property quad x' is not understood"),
        (HEAD + b"element vertex 3\n", "no PLY header that ends"),
        (HEAD + b"element vertex 3\nend_header", "no PLY header that ends"),
        (HEAD + b"end_header\n", "point cloud"),
        (b"ply\nend_header\n", "format  is not read"),
        (b"plyformat\nend_header\n", "no PLY header"),
        (b"ply\n" + b"comment x\n" * 10_000, "no PLY header that ends within 65,536 bytes"),
    ],
)
def test_a_damaged_header_is_refused_with_its_reason(tmp_path: Path, header: bytes, says: str) -> None:
    (tmp_path / "a.ply").write_bytes(header)
    with pytest.raises(InputError, match=re.escape(says)):
        read_scene(tmp_path / "a.ply")


def test_a_ply_written_as_text_is_refused_with_a_way_out(tmp_path: Path) -> None:
    path = write_ply(tmp_path / "a.ply", ply_fields(scene()))
    path.write_bytes(path.read_bytes().replace(b"binary_little_endian", b"ascii"))
    with pytest.raises(InputError, match="format ascii is not read; export it as binary PLY"):
        read_scene(path)


def test_a_list_before_the_splats_is_refused_and_one_behind_them_is_not(tmp_path: Path) -> None:
    faces = "element face 1\nproperty list uchar int vertex_indices\n"
    path = write_ply(tmp_path / "a.ply", ply_fields(scene()), before=faces, between=bytes(5))
    with pytest.raises(InputError, match="element face: vertex_indices is a list"):
        read_scene(path)
    assert len(read_scene(write_ply(tmp_path / "b.ply", ply_fields(scene()), after=faces)).splats) == 20


def test_a_truncated_file_says_in_which_row_it_ends(tmp_path: Path) -> None:
    path = write_ply(tmp_path / "a.ply", ply_fields(scene()))
    data = path.read_bytes()
    path.write_bytes(data[: -62 * 4 * 7 - 1])
    with pytest.raises(InputError, match=r"20 rows are promised and the file ends in row 12 \(counted from 0\)"):
        read_scene(path)
    assert path.write_bytes(data) and len(read_scene(path).splats) == 20


@pytest.mark.parametrize("count", [0, 21, 10**9, 2**63, 10**14])
def test_absurd_counts_are_refused_before_anything_is_allocated(tmp_path: Path, count: int) -> None:
    path = write_ply(tmp_path / "a.ply", ply_fields(scene()), count=count)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"cannot read '.*a\.ply'"):
            read_scene(path)
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()


def test_reading_needs_little_more_memory_than_the_splats(tmp_path: Path) -> None:
    count = 300_000
    path = write_ply(tmp_path / "a.ply", ply_fields(scene(count, 1)))
    tracemalloc.start()
    try:
        read_scene(path)
        assert tracemalloc.get_traced_memory()[1] < 2 * count * 4 * 23
    finally:
        tracemalloc.stop()


def test_files_of_other_tools_open() -> None:
    trained = read_scene(shared("splat_fixtures/pc_short.ply")).splats
    assert (len(trained), trained.sh_degree) == (100, 3)
    assert np.abs(np.linalg.norm(trained.rotation, axis=1) - 1).max() < 1e-6
    axes = read_scene(shared("splat_fixtures/test.ply")).splats
    assert len(axes) == 16
    np.testing.assert_allclose(axes.mean[0], [0.2, 0, 0], atol=1e-6)
    np.testing.assert_allclose(axes.scale, 0.05, rtol=1e-5)
