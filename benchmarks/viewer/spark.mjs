// A scene in Spark, as small as its documentation shows it: page.html?src=scene.spz&camera=JSON.

import { Color, Matrix4, PerspectiveCamera, Scene, WebGLRenderer } from "three";
import { SparkRenderer, SplatMesh } from "@sparkjsdev/spark";

const query = new URLSearchParams(location.search);
const source = query.get("src");
const renderer = new WebGLRenderer({ canvas: document.querySelector("canvas"), antialias: false });
const scene = new Scene();
scene.background = new Color(0);
const camera = new PerspectiveCamera(50, 1, 0.01, 1000);
camera.matrixAutoUpdate = false;
// SPZ has axes of its own, right, up and back, and Spark shows them as they are.
const axes = source.endsWith(".spz") ? new Matrix4().makeScale(1, -1, -1) : new Matrix4();

window.look = ({ height, fy, rotation, translation: t }) => {
  camera.fov = (360 / Math.PI) * Math.atan(height / 2 / fy);
  camera.updateProjectionMatrix();
  const [a, b, c] = rotation;
  const view = new Matrix4().set(...a, t[0], ...b.map((v) => -v), -t[1], ...c.map((v) => -v), -t[2], 0, 0, 0, 1);
  camera.matrix.copy(axes).multiply(view.invert());
  camera.matrix.decompose(camera.position, camera.quaternion, camera.scale);
  camera.scale.set(1, 1, 1);
  camera.matrixWorldNeedsUpdate = true;
};

window.look(JSON.parse(query.get("camera")));
const mesh = new SplatMesh({ url: source });
mesh.initialized.then(() => { window.ready = true; });
scene.add(new SparkRenderer({ renderer }), mesh);
renderer.setAnimationLoop(() => renderer.render(scene, camera));
