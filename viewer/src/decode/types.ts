/**
 * What the decoding worker and the page say to each other.
 *
 * The page sends commands, the worker answers with messages: `opened` once HEAD is there, `indexed` once INDX is, an
 * `update` for every decoded chunk, to which the page answers `taken`, and one of `complete`, `stopped` and `failed` at
 * the end; `damaged` and `warning` in between. Everything in one `update` belongs to one prefix of the file and is to be
 * shown at once. All arrays are typed and without gaps, and their buffers are transferred: the receiver owns them.
 */

/** The error classes of the Python package (src/sfumato/errors.py), and what the network adds. */
export type ErrorKind =
  | "SignatureError"
  | "TruncatedError"
  | "ChecksumError"
  | "ChunkError"
  | "LimitError"
  | "UnsupportedError"
  | "BudgetError"
  | "NetworkError";

export type Medium = "image" | "video" | "scene" | "avatar";

export type Vector3 = [number, number, number];

/** A value of HEAD's JSON. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

// ---------------------------------------------------------------------------------------------------------- commands

export interface OpenCommand {
  type: "open";
  /** What to show: an address, or the bytes of a file that the page has already. */
  source: string | ArrayBuffer;
  /** Show no more than this: "5%", "2MB", "64KiB", "20000 splats", "level 1"; null for all of it. */
  budget: string | null;
  /** Slow the bytes down to so many a second, for demonstrations; null for as fast as they come. */
  bytesPerSecond: number | null;
}

/** Another speed for what is still to come. */
export interface ThrottleCommand {
  type: "throttle";
  bytesPerSecond: number | null;
}

/** An update is on the page. Until something shows, decoding waits for each of these, then if too many are to come. */
export interface TakenCommand {
  type: "taken";
  shown: boolean;
}

/** Stop fetching; what is there stays. Answered by `stopped` if the file was not over yet. */
export interface StopCommand {
  type: "stop";
}

export type Command = OpenCommand | ThrottleCommand | TakenCommand | StopCommand;

// ---------------------------------------------------------------------------------------------------------- messages

/** An image: `update`s hold `append2d` edits alone. */
export interface ImageLayout {
  medium: "image";
  /** Pixels of the canvas; the centre of the top left pixel is (0.5, 0.5), y points down. */
  width: number;
  height: number;
  /** 1 grey, 3 RGB, 4 RGB and straight alpha. Sums of splats are sRGB values: clip them to 0..1 once, at the end. */
  channels: 1 | 3 | 4;
}

/** A scene: world axes are those of COLMAP, x right, y down, z forward. */
export interface SceneLayout {
  medium: "scene";
  /** Splats of the whole scene. */
  splats: number;
  /** 0..3, the highest harmonics that will come. */
  shDegree: number;
  /** Whether the splats were trained with Mip-Splatting's low-pass filter. */
  antialiased: boolean;
  /** Corners of the grid in world units: no centre lies outside. Far floaters may make it far larger than the scene. */
  low: Vector3;
  high: Vector3;
}

/** An avatar: x to the person's left, y up, z to where the face looks. */
export interface AvatarLayout {
  medium: "avatar";
  /** Faces and vertices of the mesh. */
  faces: number;
  vertices: number;
  /** Splats of the whole avatar. */
  splats: number;
  /** Levels of faces, the mesh's own included, at most. */
  depth: number;
  /** 0..3, the highest harmonics of its splats. */
  shDegree: number;
  /** Corners of a box around the neutral mesh. */
  low: Vector3;
  high: Vector3;
  /** sRGB 0..1, on which it was learned. */
  background: Vector3;
}

export type Layout = ImageLayout | SceneLayout | AvatarLayout;

/** HEAD has arrived. */
export interface OpenedMessage {
  type: "opened";
  medium: Medium;
  layout: Layout;
  /** Levels of the whole file: chunks and splats of each. */
  levels: { chunks: number; splats: number }[];
  /** All members of HEAD. */
  fields: { [name: string]: Json };
}

/** A prefix of the file that can be shown. */
export interface Prefix {
  /** Bytes from the start of the file. */
  bytes: number;
  /** Splats that the chunks up to there add (nodes of a scene count, also when they are replaced later). */
  splats: number;
  /** PSNR that the encoder measured, in dB; null where it did not. */
  db: number | null;
  /** Levels that are complete. */
  levels: number;
}

/** INDX has arrived: what the rest of the file will bring. */
export interface IndexedMessage {
  type: "indexed";
  /** Bytes of the whole file. */
  totalBytes: number;
  /** Bytes that the budget lets through; `totalBytes` without one. */
  budgetBytes: number;
  /** Every prefix that ends with the base level or a later chunk, shortest first; the last is the whole file. */
  prefixes: Prefix[];
}

/** More additive 2D splats, behind those that came before. */
export interface Append2D {
  type: "append2d";
  /** Splats before these. */
  first: number;
  count: number;
  /** [count, 2] centres in pixels. */
  xy: Float32Array;
  /** [count, 3] l11, l21, l22 of L in pixels; the covariance is L Lᵀ. */
  chol: Float32Array;
  /** [count, channels] signed weights, 1.0 is full intensity. */
  color: Float32Array;
}

/**
 * Splats of a scene for the rows first .. first + count - 1. Rows are reused after they have been retired, so that
 * there are never many more of them than splats to show. Harmonics of degree 1 and more are 0 until an `sh` edit.
 */
export interface Rows3D {
  type: "rows3d";
  first: number;
  count: number;
  /** [count, 3] centres in world units. */
  mean: Float32Array;
  /** [count, 4] unit quaternions, scalar first (w, x, y, z), from the splat's axes to the world's. */
  rotation: Float32Array;
  /** [count, 3] standard deviations along the splat's own axes in world units. */
  scale: Float32Array;
  /** [count] 0..1. */
  opacity: Float32Array;
  /** [count, 3] harmonic of degree 0: the colour is 1/2 + 0.28209479177387814 sh0 in sRGB. */
  sh0: Float32Array;
  /** The file's level that they came with. */
  level: number;
  /** Whether they are nodes, each of which stands for several splats until these are there. */
  nodes: boolean;
}

/** New opacities of rows that are there; 0 hides one for good. Nodes fade while half of their splats are missing. */
export interface Opacity3D {
  type: "opacity3d";
  first: number;
  count: number;
  /** [count] 0..1. */
  opacity: Float32Array;
}

/** Rows that are not shown any more. Within an `update` the rows that replace them come first. */
export interface Retire3D {
  type: "retire3d";
  first: number;
  count: number;
}

/** Harmonics of one degree of rows that are there. */
export interface Harmonics3D {
  type: "sh";
  first: number;
  count: number;
  /** 1, 2 or 3. */
  degree: number;
  /** [count, 2 degree + 1, 3] coefficients, order and signs of 3DGS, RGB. */
  values: Float32Array;
}

/** What a name of ARKit does at weight 1. */
export interface ArkitResponse {
  name: string;
  /** Weights that shapes get. */
  shapes: { shape: number; weight: number }[];
  /** Turns of joints, axis times angle in radians. */
  turns: { joint: number; turn: Vector3 }[];
}

/** The rig of an avatar, always the first edit of one. Shapes that have not arrived move nothing. */
export interface RigMeshEdit {
  type: "mesh";
  /** [V, 3] places of the neutral. */
  vertices: Float32Array;
  /** [F, 3] numbers of vertices, counterclockwise seen from outside. */
  faces: Uint32Array;
  /** Names, all different. */
  shapes: string[];
  joints: string[];
  /** Shapes that follow the turns of joints: 9 for each joint but the first, or 0. Their numbers follow the shapes'. */
  correctives: number;
  /** [J], -1 for joint 0; every other one has a parent before it. */
  parents: Int32Array;
  /** [J, 3] where the joints of the neutral lie. */
  places: Float32Array;
  /** Joints that move a vertex, at most: 1 .. J. */
  influences: number;
  /** [V, influences] and how much they do: unused places have weight 0, those of a vertex add up to 1. */
  skinJoints: Uint16Array;
  skinWeights: Float32Array;
  /** The joint that turns the head. */
  headJoint: number;
  /** All 52 names of ARKit; those that the rig cannot show do nothing. */
  arkit: ArkitResponse[];
  /** The rig that the file needs without having it; then there are no shapes here, and one joint in the origin. */
  reference: { name: string; fingerprint: string; shapes: string[]; joints: string[] } | null;
}

/** Shapes of a rig; one that was there is replaced. */
export interface RigShapesEdit {
  type: "shapes";
  count: number;
  /** [count] which. */
  numbers: Uint16Array;
  /** Shape i moves the vertices[starts[i]] .. vertices[starts[i + 1] - 1], ascending, by [.., 3] `moves`. */
  starts: Uint32Array;
  vertices: Uint32Array;
  moves: Float32Array;
  /** [count, J, 3] moves of the joints; empty if joints do not move with the shapes. */
  jointMoves: Float32Array;
}

/** Points inside faces: the vertices V + first .. V + first + count - 1 of finer faces. */
export interface PointsEdit {
  type: "points";
  first: number;
  count: number;
  /** [count, 3] numbers of vertices below the point's own. */
  corners: Uint32Array;
  /** [count, 3] their weights, which add up to 1 in every pose. */
  weights: Float32Array;
}

/** Splats on faces, for the rows first .. first + count - 1, behind those that came before. */
export interface FacesEdit {
  type: "faces";
  first: number;
  count: number;
  /** [count, 3] numbers of vertices, of the mesh and of points, that the splat's face has. */
  corners: Uint32Array;
  /** [count, 3] centre, along the frame's axes in units of its scale. */
  offset: Float32Array;
  /** [count, 4] unit quaternions, scalar first, from the splat's axes to the frame's. */
  rotation: Float32Array;
  /** [count, 3] standard deviations along the splat's own axes in units of the frame's scale. */
  scale: Float32Array;
  /** [count] 0..1. */
  opacity: Float32Array;
  /** [count, 3] harmonic of degree 0, see Rows3D. */
  sh0: Float32Array;
  /** [count, (shDegree + 1)^2 - 1, 3] the other harmonics; their directions are the world's, not the frame's. */
  sh: Float32Array;
  /** The file's level that they came with. */
  level: number;
}

/** New values of splats under which finer ones have come. */
export interface PatchesEdit {
  type: "patches";
  count: number;
  /** [count] which. */
  rows: Uint32Array;
  /** As in FacesEdit. */
  scale: Float32Array;
  opacity: Float32Array;
  sh0: Float32Array;
}

export type AvatarEdit = RigMeshEdit | RigShapesEdit | PointsEdit | FacesEdit | PatchesEdit;

export type Edit = Append2D | Rows3D | Opacity3D | Retire3D | Harmonics3D | AvatarEdit;

export interface Progress {
  /** Bytes of the file decoded so far, up to the end of a chunk. */
  bytes: number;
  /** Splats to be drawn now. */
  splats: number;
  /** PSNR of this prefix as the encoder measured it; null where it is unknown or a damaged chunk is missing. */
  prefixDb: number | null;
  /** Levels that are complete and undamaged, counted from the base level. */
  levelsComplete: number;
}

/** A chunk is decoded: the edits take the picture from the prefix before it to the one that ends with it. */
export interface UpdateMessage {
  type: "update";
  edits: Edit[];
  progress: Progress;
}

/** A chunk cannot be used; what does not need it still shows, and later chunks still come. */
export interface DamagedMessage {
  type: "damaged";
  kind: ErrorKind;
  chunk: { kind: string; level: number; offset: number };
  /** A sentence for people. */
  text: string;
}

/** Something a person should know that does no harm to the picture: a server without Range, a line that broke. */
export interface WarningMessage {
  type: "warning";
  text: string;
}

/** All that the file or the budget holds has been taken; `damaged` says how many chunks of it could not be used. */
export interface CompleteMessage {
  type: "complete";
  progress: Progress;
  /** Whether it is the whole file, rather than a budget's part or a cut. */
  whole: boolean;
  damaged: number;
}

/** The `stop` command was obeyed. */
export interface StoppedMessage {
  type: "stopped";
  progress: Progress;
}

/** Nothing more will come; what is there stays. */
export interface FailedMessage {
  type: "failed";
  kind: ErrorKind;
  /** A sentence for people. */
  text: string;
}

export type Message =
  | OpenedMessage
  | IndexedMessage
  | UpdateMessage
  | DamagedMessage
  | WarningMessage
  | CompleteMessage
  | StoppedMessage
  | FailedMessage;
