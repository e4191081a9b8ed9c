from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from sfumato.camera import Camera
from sfumato.errors import InputError, OutputError
from sfumato.sources.capture import CaptureCamera, CaptureFrame, Driving
from sfumato.sources.capture_folder import Picture, npz_bytes, read_capture, write_capture

WIDTH, HEIGHT = 24, 32
CAMERAS = [
    CaptureCamera(name, Camera.look_at([x, 0, 2.0], [0, 0, 0], width=WIDTH, height=HEIGHT, up=(0, 1, 0)), test)
    for name, x, test in (("left", -1.0, False), ("front", 0.0, True), ("right", 1.0, False))
]
FRAMES = [CaptureFrame("a", "smile", False), CaptureFrame("b", "smile", False), CaptureFrame("c", "speech", True)]
FACES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
VERTICES = np.random.default_rng(0).normal(size=(3, 4, 3)).astype(np.float32) * 0.2
DRIVING = Driving(
    "head.glb",
    {"jawOpen": np.array([0, 0.5, 1], np.float32)},
    {"neck": np.zeros((3, 3), np.float32)},
    np.ones((3, 3), np.float32),
)


def pixels(frame, camera):
    random = np.random.default_rng(10 * frame + camera)
    return random.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8), random.integers(0, 256, (HEIGHT, WIDTH), np.uint8)


def write(folder, vertices=VERTICES, driving=DRIVING):
    pictures = (Picture(frame, camera, *pixels(frame, camera)) for frame in range(3) for camera in range(3))
    write_capture(folder, CAMERAS, FRAMES, FACES, vertices, pictures, background=(1, 0.5, 0), driving=driving)
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(tmp_path / "capture")


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_what_was_written_is_read(folder):
    capture = read_capture(folder)
    assert [camera.name for camera in capture.cameras] == ["left", "front", "right"]
    assert capture.frames == tuple(FRAMES)
    assert (capture.faces == FACES).all() and (capture.vertices == VERTICES).all()
    assert capture.background == (1, 0.5, 0)
    for item, given in zip(capture.cameras, CAMERAS, strict=True):
        np.testing.assert_allclose(item.camera.rotation, given.camera.rotation, atol=1e-12)
        assert item.test == given.test
    for frame, camera in [(0, 0), (2, 1)]:
        image, mask = pixels(frame, camera)
        np.testing.assert_allclose(capture.image(frame, camera), image / np.float32(255), atol=1e-6)
        np.testing.assert_allclose(capture.mask(frame, camera), mask / np.float32(255), atol=1e-6)
        assert capture.image(frame, camera).dtype == np.float32
    assert capture.driving.rig == "head.glb"
    assert (capture.driving.weights["jawOpen"] == DRIVING.weights["jawOpen"]).all()
    assert (capture.driving.translation == 1).all() and capture.driving.rotations["neck"].shape == (3, 3)


def test_splits_follow_cameras_and_sequences(folder):
    capture = read_capture(folder)
    assert capture.pairs("train") == [(0, 0), (0, 2), (1, 0), (1, 2)]
    assert capture.pairs("novel view") == [(0, 1), (1, 1)]
    assert capture.pairs("novel expression") == [(2, 0), (2, 1), (2, 2)]


def test_the_same_capture_gives_the_same_bytes(folder, tmp_path):
    again = write(tmp_path / "again")
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert files and all((folder / name).read_bytes() == (again / name).read_bytes() for name in files)


def test_a_capture_without_masks_or_driving_is_read(folder):
    shutil.rmtree(folder / "masks")
    (folder / "driving.npz").unlink()
    capture = read_capture(folder)
    assert capture.mask(0, 0) is None and capture.driving is None


def test_transparent_pixels_show_the_background(folder):
    Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 255, 0)).save(folder / "images/a/left.png")
    np.testing.assert_allclose(read_capture(folder).image(0, 0)[0, 0], [1, 0.5, 0], atol=1e-6)


def test_jpegs_are_pictures_too(folder):
    Image.open(folder / "images/b/right.png").save(folder / "images/b/right.jpg")
    (folder / "images/b/right.png").unlink()
    assert read_capture(folder).image(1, 2).shape == (HEIGHT, WIDTH, 3)


def test_an_interrupted_writing_leaves_nothing(tmp_path):
    def stop():
        yield Picture(0, 0, *pixels(0, 0))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_capture(tmp_path / "capture", CAMERAS, FRAMES, FACES, VERTICES, stop())
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_not_written_over(folder):
    with pytest.raises(OutputError, match="not empty"):
        write(folder)
    assert read_capture(folder).frames


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "images/b/front.png").unlink(), r"frame 'b', camera 'front'.*front.png"),
        (lambda f: (f / "masks/c/left.png").unlink(), r"frame 'c', camera 'left'.*masks"),
        (lambda f: shutil.rmtree(f / "images/a"), "frame 'a', camera 'left'"),
        (lambda f: (f / "capture.json").unlink(), "capture.json"),
        (lambda f: (f / "cameras.json").write_text("[]"), "cameras.json"),
        (lambda f: edit(f / "capture.json", lambda c: c["frames"][1].update(name="a")), "frame 'a'.*twice"),
        (lambda f: edit(f / "capture.json", lambda c: c["frames"][1].update(name="../x")), "frame 1.*'name'"),
        (lambda f: edit(f / "capture.json", lambda c: c["frames"].clear()), "capture.json'.*frames"),
        (lambda f: edit(f / "capture.json", lambda c: c.update(background=[2, 0, 0])), "background"),
        (lambda f: edit(f / "cameras.json", lambda c: c["cameras"][2].update(split="val")), "camera 2.*split"),
        (lambda f: edit(f / "cameras.json", lambda c: c["cameras"][2].pop("name")), "camera 2.*name"),
        (lambda f: (f / "vertices.npz").write_bytes(b"PK\3\4nothing"), "vertices.npz"),
        (lambda f: (f / "vertices.npz").write_bytes(npz_bytes({"vertices": VERTICES})), "vertices.npz.*faces"),
        (lambda f: (f / "driving.npz").write_bytes(npz_bytes({"weight.jawOpen": np.zeros(2)})), "driving.npz"),
    ],
)
def test_a_capture_that_contradicts_itself_is_refused(folder, damage, words):
    damage(folder)
    with pytest.raises(InputError, match=f"cannot read '.*{words}"):
        read_capture(folder)


def rewrite(folder, **arrays):
    (folder / "vertices.npz").write_bytes(npz_bytes({"vertices": VERTICES, "faces": FACES} | arrays))
    return read_capture(folder)


def test_vertices_that_are_no_numbers_are_named_by_frame(folder):
    broken = VERTICES.copy()
    broken[1, 2, 0] = np.nan
    with pytest.raises(InputError, match=r"frame 'b', '.*vertices.npz'.*vertex 2"):
        _ = rewrite(folder, vertices=broken).vertices


def test_a_mesh_for_too_few_frames_is_refused(folder):
    with pytest.raises(InputError, match=r"vertices.npz'.*2 x 4 x 3, not 3 frames"):
        _ = rewrite(folder, vertices=VERTICES[:2]).vertices


def test_faces_beyond_the_vertices_are_refused(folder):
    with pytest.raises(InputError, match=r"vertices.npz'.*names vertex 9"):
        _ = rewrite(folder, faces=FACES + 6).vertices


def test_another_topology_than_the_template_is_refused(folder):
    capture = read_capture(folder)
    capture.check_template(FACES, 4)
    for faces, vertices in ((FACES[:1], 4), (FACES[:, ::-1], 4), (FACES, 5)):
        with pytest.raises(InputError, match=r"frame 'a', '.*vertices.npz'.*template"):
            capture.check_template(faces, vertices)


@pytest.mark.parametrize("kind", ["images", "masks"])
def test_a_picture_of_another_size_is_named_by_frame_and_file(folder, kind):
    Image.new("RGB", (10, 10)).save(folder / kind / "b/front.png")
    capture = read_capture(folder)
    with pytest.raises(InputError, match=rf"frame 'b', '.*{kind}/b/front.png'.*10 x 10.*24 x 32"):
        capture.image(1, 1) if kind == "images" else capture.mask(1, 1)


def test_a_camera_that_sees_nothing_is_named(folder):
    read_capture(folder).check_views()
    edit(folder / "cameras.json", lambda c: c["cameras"][1].update(translation=[0, 0, -2]))
    with pytest.raises(InputError, match=r"frame 'a', camera 'front', '.*front.png'.*no vertex"):
        read_capture(folder).check_views()
