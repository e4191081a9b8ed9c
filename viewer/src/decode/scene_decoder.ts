/** Chunks of a scene to edits. */

import type { Chunk } from "./chunk";
import { chunkError } from "./errors";
import { Grid } from "./grid";
import type { Boxes } from "./halving";
import type { Head } from "./head";
import type { Entry } from "./indx";
import type { MediumDecoder } from "./medium";
import { Rows } from "./rows";
import type { Above } from "./scene_attributes";
import { aboveOf, decodeBand, decodeLeaves, decodeNodes, wholeScene } from "./scene_chunk";
import { openPayload, type Payload } from "./scene_columns";
import { groupStarts, readScene, type Scene, sceneLayout } from "./scene_layout";
import { bandValues, leafSplats, nodeSplats, type Splats } from "./scene_splats";
import type { ChunkSteps } from "./scene_steps";
import { SCENE_KINDS, SCENE_SHARE_BITS } from "./tables";
import type { Edit, Rows3D, SceneLayout } from "./types";

interface Run {
  first: number;
  count: number;
}

/** Some of a group's splats: what their harmonics need. */
interface Portion extends Run {
  steps: ChunkSteps;
  levelClass: Uint8Array;
  /** Harmonics that have come, or are missing. */
  degrees: number;
}

/** A part of the scene and what is there of it. */
interface Group {
  /** Its nodes, of level 0 and then of level 1; null when splats are in the place of all. */
  nodes: Above | null;
  refined: boolean;
  /** Rows of the nodes, and their opacities. */
  rows: Run;
  opacity: Float32Array;
  portions: Portion[];
  /** Splats to be drawn. */
  drawn: number;
  /** Whether nodes or splats are missing, so that no more of them can come. */
  broken: boolean;
}

export class SceneDecoder implements MediumDecoder {
  readonly layout: SceneLayout;
  readonly kinds = Object.values(SCENE_KINDS);
  splats = 0;
  private readonly scene: Scene;
  private readonly grid: Grid;
  private readonly rows = new Rows();
  private groups: Group[] = [];

  constructor(head: Head) {
    this.scene = readScene(head);
    this.layout = sceneLayout(this.scene);
    this.grid = new Grid(this.scene.size);
  }

  indexed(): void {
    // What INDX says of a scene's splats is not needed.
  }

  take(chunk: Chunk): Edit[] | null {
    const payload = openPayload(chunk.payload, chunk.kind === SCENE_KINDS.bands);
    if (chunk.kind === SCENE_KINDS.nodes && this.groups.length === 0) return this.begin(payload);
    if (payload.group >= this.groups.length) throw chunkError(`there is no group ${payload.group}`);
    const group = this.groups[payload.group];
    const before = group.drawn;
    let edits: Edit[] | null;
    if (chunk.kind === SCENE_KINDS.bands) edits = this.takeBand(payload, group, chunk.flags);
    else if (group.broken) return null;
    else if (chunk.kind === SCENE_KINDS.nodes) edits = this.takeNodes(payload, group, chunk.level);
    else edits = this.takeLeaves(payload, group, chunk.level);
    this.splats += group.drawn - before;
    return edits;
  }

  miss(entry: Entry): boolean {
    if (entry.group === null || entry.group >= this.groups.length) return false;
    const group = this.groups[entry.group];
    if (entry.kind !== SCENE_KINDS.bands) group.broken = true;
    else if (entry.flags < group.portions.length) group.portions[entry.flags].degrees++;
    return true;
  }

  /** The nodes of level 0, from which all groups begin. */
  private begin(payload: Payload): Edit[] {
    const { scene, grid } = this;
    const nodes = decodeNodes(payload, wholeScene(scene.splats), scene.splats, grid, scene.leaves[0]);
    const starts = groupStarts(nodes.boxes, scene.group);
    const splats = nodeSplats(nodes, scene, grid);
    const all = aboveOf(nodes);
    const first = this.rows.take(nodes.count);
    for (let i = 0; i + 1 < starts.length; i++) {
      const [from, to] = [starts[i], starts[i + 1]];
      const rows = { first: first + from, count: to - from };
      this.groups.push({
        nodes: someOf(all, from, to),
        refined: false,
        rows,
        opacity: splats.opacity.slice(from, to),
        portions: [],
        drawn: rows.count,
        broken: false,
      });
    }
    this.splats = nodes.count;
    return [rowsEdit({ first, count: nodes.count }, splats, 0, true)];
  }

  private takeNodes(payload: Payload, group: Group, level: number): Edit[] {
    const { scene, grid } = this;
    if (group.refined || !group.nodes) throw chunkError(`the nodes of group ${payload.group} come twice`);
    const points = sum(group.nodes.boxes.points);
    const nodes = decodeNodes(payload, group.nodes, points, grid, scene.leaves[1]);
    const splats = nodeSplats(nodes, scene, grid);
    const rows = { first: this.rows.take(nodes.count), count: nodes.count };
    const retired = this.retire(group.rows);
    group.nodes = aboveOf(nodes);
    group.opacity = splats.opacity.slice();
    group.refined = true;
    group.rows = rows;
    group.drawn = rows.count;
    return [rowsEdit(rows, splats, level, true), retired];
  }

  private takeLeaves(payload: Payload, group: Group, level: number): Edit[] {
    const { scene, grid } = this;
    if (!group.refined || !group.nodes) {
      throw chunkError(`splats of group ${payload.group} come before its nodes, or once too often`);
    }
    const last = group.portions.length === scene.portions - 1;
    const counts = portionCounts(group.nodes.boxes, scene.portions, group.portions.length);
    const total = sum(counts);
    const leaves = decodeLeaves(payload, group.nodes, counts, total, grid, scene.exponent, !last);
    const splats = leafSplats(leaves, scene);
    const rows = { first: this.rows.take(total), count: total };
    const edits: Edit[] = [rowsEdit(rows, splats, level, false)];
    if (last) {
      group.drawn = total;
      for (const portion of group.portions) group.drawn += portion.count;
      edits.push(this.retire(group.rows));
      group.nodes = null;
      group.opacity = new Float32Array(0);
    } else {
      const most = (1 << SCENE_SHARE_BITS) - 1;
      const opacity = group.opacity.map((value, i) => value * Math.fround(leaves.share[i] / most));
      group.drawn = total + leaves.share.reduce((many, share) => many + (share > 0 ? 1 : 0), 0);
      edits.push({ type: "opacity3d", ...group.rows, opacity });
    }
    group.portions.push({ ...rows, steps: leaves.steps, levelClass: leaves.levelClass, degrees: 0 });
    return edits;
  }

  private takeBand(payload: Payload, group: Group, number: number): Edit[] | null {
    const portion = group.portions.at(number);
    if (!portion && group.broken) return null;
    if (!portion || portion.degrees >= this.scene.shDegree) {
      throw chunkError(`harmonics of group ${payload.group} come before its splats, or are one band too many`);
    }
    const degree = portion.degrees + 1;
    const each = 2 * degree + 1;
    const integers = decodeBand(payload, portion.steps, portion.levelClass, each);
    portion.degrees = degree;
    const values = bandValues(integers, portion.steps, portion.levelClass, each);
    return [{ type: "sh", first: portion.first, count: portion.count, degree, values }];
  }

  private retire(rows: Run): Edit {
    this.rows.give(rows.first, rows.count);
    return { type: "retire3d", first: rows.first, count: rows.count };
  }
}

function rowsEdit(rows: Run, splats: Splats, level: number, nodes: boolean): Rows3D {
  return { type: "rows3d", first: rows.first, count: rows.count, ...splats, level, nodes };
}

/** Some of the nodes, from one to before another. */
function someOf({ boxes, values }: Above, from: number, to: number): Above {
  const count = to - from;
  const some = new Float64Array(5 * count);
  for (let k = 0; k < 5; k++) some.set(values.subarray(k * boxes.count + from, k * boxes.count + to), k * count);
  const corner = boxes.corner.slice(3 * from, 3 * to);
  return {
    boxes: { count, corner, depth: boxes.depth.slice(from, to), points: boxes.points.slice(from, to) },
    values: some,
  };
}

/** How many splats of every box a portion of a scene of so many portions has. */
function portionCounts({ points }: Boxes, portions: number, number: number): Int32Array {
  if (portions === 1) return points;
  return points.map((all) => (number === 0 ? (all + 1) >> 1 : all >> 1));
}

function sum(values: Int32Array): number {
  return values.reduce((all, value) => all + value, 0);
}
