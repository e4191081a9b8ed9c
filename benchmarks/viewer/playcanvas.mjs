// A scene in PlayCanvas, with nothing of the engine but what splats need: page.html?src=scene.sog&camera=JSON.

import {
  AppBase, AppOptions, Asset, CameraComponentSystem, Color, createGraphicsDevice, DEVICETYPE_WEBGL2, Entity,
  FILLMODE_NONE, GSplatComponentSystem, GSplatHandler, RESOLUTION_FIXED, TextureHandler, Vec3,
} from "playcanvas";

const query = new URLSearchParams(location.search);
const canvas = document.querySelector("canvas");
const options = new AppOptions();
options.graphicsDevice = await createGraphicsDevice(canvas, { deviceTypes: [DEVICETYPE_WEBGL2], antialias: false });
options.componentSystems = [CameraComponentSystem, GSplatComponentSystem];
options.resourceHandlers = [TextureHandler, GSplatHandler];
const app = new AppBase(canvas);
app.init(options);
app.setCanvasFillMode(FILLMODE_NONE);
app.setCanvasResolution(RESOLUTION_FIXED, 512, 512);

const camera = new Entity("camera");
camera.addComponent("camera", { clearColor: new Color(0, 0, 0), nearClip: 0.01, farClip: 1000 });
app.root.addChild(camera);

window.look = ({ height, fy, rotation, translation }) => {
  const along = (axis) => new Vec3(...[0, 1, 2].map((i) => rotation[axis][i]));
  const position = new Vec3(...[0, 1, 2].map((i) => -rotation.reduce((sum, row, k) => sum + row[i] * translation[k], 0)));
  camera.camera.fov = (360 / Math.PI) * Math.atan(height / 2 / fy);
  camera.setPosition(position);
  camera.lookAt(position.clone().add(along(2)), along(1).mulScalar(-1));
};

window.look(JSON.parse(query.get("camera")));
app.start();
const asset = new Asset("scene", "gsplat", { url: query.get("src") });
asset.ready(() => {
  const splats = new Entity("splats");
  splats.addComponent("gsplat", { asset });
  app.root.addChild(splats);
  window.ready = true;
});
asset.on("error", (text) => console.error(text));
app.assets.add(asset);
app.assets.load(asset);
