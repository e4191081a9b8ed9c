"""The element as React and its like handle it, without React: what they do to elements is little, and played here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"

# Counts the workers that are there.
COUNTING = """
window.workers = 0;
window.Worker = class extends Worker {
  constructor(...given) { super(...given); workers++; }
  terminate() { super.terminate(); if (!this.ended) workers--; this.ended = true; }
};
"""

# How React 19 sets what JSX says: as a property what is one, otherwise as an attribute; undefined ends it.
SET = """
const set = (view, props) => {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) view.addEventListener(name.slice(2), value);
    else if (name in view) view[name] = value;
    else if (value === undefined) view.removeAttribute(name);
    else view.setAttribute(name, value);
  }
  return view;
};
const view = document.querySelector("sfumato-view");
const wait = () => new Promise((go) => setTimeout(go));
const until = async (there) => { for (let k = 0; k < 3000 && !there(); k++) await wait(); };  // some ten seconds
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture and a scene."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(GOLDEN / "image-many-levels.sfu", folder / "image.sfu")
    shutil.copy(GOLDEN / "scene" / "scene-antialiased-outlier.sfu", folder / "scene.sfu")
    return folder


def test_props_that_are_attributes_do_what_attributes_do(view):
    page = view("image.sfu")
    attributes = {
        "src": "/image.sfu", "budget": "50%", "rate": "1mbit", "background": "#336699", "poster": "data:image/gif,none",
        "controls": "none", "label": "a cat", "drive": "",
    }  # fmt: skip
    here = page.run(
        SET
        + """
        const names = ["firstpicture", "complete"], seen = [];
        const on = names.map((name) => ["on" + name, ({ type }) => seen.push(type)]);
        const made = set(document.createElement("sfumato-view"), { ...given, ...Object.fromEntries(on) });
        document.body.append(made);
        await until(() => seen.length === 2);
        set(made, { label: undefined, rate: undefined });
        const shown = made.shadowRoot.querySelector("canvas").getAttribute("aria-label");
        return [seen, shown, Object.fromEntries([...made.attributes].map(({ name, value }) => [name, value]))];
        """,
        attributes,
    )
    left = {name: value for name, value in attributes.items() if name not in ("label", "rate")}
    assert here == [["firstpicture", "complete"], "image, 114 splats", left]


def test_a_camera_may_be_text_an_object_or_nothing(view):
    page = view("scene.sfu", camera="{wrong")
    page.finished()
    cameras, notes, thrown = page.run(
        SET
        + """
        const fields = { width: 640, height: 480, fov: 50, position: [0, 0, -5], target: [0, 0, 0] };
        const cameras = [], notes = [];
        for (const camera of [undefined, fields, undefined, JSON.stringify(fields), "", "{wrong"]) {
          view.load();
          notes.push(view.shadowRoot.querySelector(".note:not([hidden])")?.textContent ?? "");
          await until(() => view.report.state === "complete");
          set(view, { camera });
          cameras.push(view.camera.translation[2]);
        }
        try { set(view, { camera: { fov: 50 } }); } catch (error) { return [cameras, notes, String(error)]; }
        """
    )
    fitted = cameras[0]
    assert cameras == pytest.approx([fitted, 5, fitted, 5, fitted, fitted]) and fitted != pytest.approx(5)
    assert "camera cannot be used" in notes[0] and notes[1:] == [""] * 5
    assert thrown == "TypeError: a camera needs width and height"


def test_what_a_page_sets_before_the_script_is_there_counts(view):
    page = view("image.sfu")
    distance, own = page.run(
        SET
        + """
        // In a document of its own the element is not defined, as before its script has come.
        const early = document.implementation.createHTMLDocument().createElement("sfumato-view");
        early.camera = { width: 640, height: 480, fov: 50, position: [0, 0, -5], target: [0, 0, 0] };
        early.setAttribute("src", "/scene.sfu");
        document.body.append(early);
        await until(() => early.report?.state === "complete");
        return [early.camera.translation[2], Object.keys(early)];
        """
    )
    assert (distance, own) == (pytest.approx(5), [])


def test_a_viewer_that_is_moved_keeps_what_it_shows(view):
    page = view("image.sfu", before=COUNTING)
    page.finished()
    kept = page.run(
        SET
        + """
        const canvas = view.shadowRoot.querySelector("canvas"), { report } = view;
        document.body.append(view);
        view.remove();
        document.body.prepend(view);
        await wait();
        return [view.report === report, view.shadowRoot.querySelector("canvas") === canvas,
          canvas.getContext("webgl2").isContextLost(), workers];
        """
    )
    assert kept == [True, True, False, 1]


def test_a_viewer_that_leaves_holds_nothing_and_comes_back(view):
    page = view("scene.sfu", before=COUNTING)
    page.finished()
    gone, back = page.run(
        SET
        + """
        const card = view.shadowRoot.querySelector("canvas").getContext("webgl2");
        view.remove();
        await wait();
        set(view, { src: "/image.sfu" });
        await wait();
        const gone = [view.report, card.isContextLost(), workers];
        document.body.append(view);
        await wait();
        await until(() => view.report.state === "complete");
        return [gone, [view.report.medium, workers]];
        """
    )
    assert gone == [None, True, 0] and back == ["image", 1]


def test_a_viewer_that_leaves_at_once_never_begins(view):
    page = view("image.sfu", before=COUNTING)
    page.finished()
    begun = page.run(
        SET
        + """
        const made = set(document.createElement("sfumato-view"), { src: "/image.sfu" });
        let begun = 0;
        const Counted = Worker;
        window.Worker = class extends Counted { constructor(...given) { super(...given); begun++; } };
        document.body.append(made);
        made.remove();
        await wait();
        return [begun, workers, made.report];
        """
    )
    assert begun == [0, 1, None]


def test_a_server_can_import_the_script(built, tmp_path):
    shutil.copy(built / "sfumato-view.js", tmp_path / "view.mjs")
    command = ["node", "--input-type=module", "-e", "console.log(typeof (await import('./view.mjs')).SfumatoView)"]
    assert subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout == "function\n"


def test_the_types_lie_beside_the_script(built):
    types = (built / "sfumato-view.d.ts").read_text()
    assert "export declare class SfumatoView" in types and "import " not in types
