/** Chunks of an avatar to edits. */

import { decodeTree } from "./avatar_chunk";
import { Known } from "./avatar_known";
import { avatarLayout } from "./avatar_layout";
import { faceSplats, patchedSplats, pointWeights } from "./avatar_splats";
import type { Chunk } from "./chunk";
import { chunkError, unsupportedError } from "./errors";
import type { Head } from "./head";
import type { Entry, Index } from "./indx";
import type { MediumDecoder } from "./medium";
import { meshEdit, shapesEdit } from "./rig_edits";
import { decodeMesh, decodeShapes, type RigMesh } from "./rig_mesh";
import { AVATAR_KINDS } from "./tables";
import type { AvatarLayout, Edit } from "./types";

export class AvatarDecoder implements MediumDecoder {
  readonly layout: AvatarLayout;
  readonly kinds = Object.values(AVATAR_KINDS);
  private mesh: RigMesh | null = null;
  private known: Known | null = null;
  private broken = false; // whether splats are missing, so that it is not known which faces others belong to

  constructor(head: Head) {
    this.layout = avatarLayout(head);
  }

  get splats(): number {
    return this.known?.rows ?? 0;
  }

  indexed(index: Index): void {
    this.promise("the base level", this.splats, index.baseSplats);
  }

  take(chunk: Chunk, entry: Entry | null): Edit[] | null {
    const { kind, level } = chunk;
    if (chunk.flags) throw unsupportedError(`it has flags ${chunk.flags}; this viewer knows none`);
    if ((kind === AVATAR_KINDS.mesh && level > 0) || (kind === AVATAR_KINDS.shapes && level > 1)) {
      throw chunkError("chunks of this kind belong to another level");
    }
    if (kind === AVATAR_KINDS.mesh) return this.takeMesh(chunk.payload);
    if (!this.known || !this.mesh) throw chunkError("it comes before the mesh");
    if (kind === AVATAR_KINDS.tree) {
      return this.broken ? null : this.takeTree(chunk.payload, level, entry, this.known);
    }
    const shapes = decodeShapes(chunk.payload, this.mesh);
    if (entry) this.promise("it", 0, entry.splats);
    return [shapesEdit(shapes, this.mesh)];
  }

  miss(entry: Entry): boolean | string {
    if (entry.kind !== AVATAR_KINDS.tree || this.broken) return true;
    this.broken = true;
    return "the avatar stays as coarse as it is: finer splats need the damaged ones";
  }

  private takeMesh(payload: Uint8Array): Edit[] {
    if (this.mesh) throw chunkError("the mesh comes twice");
    const mesh = decodeMesh(payload);
    const { vertices, faces, depth, shDegree, splats } = this.layout;
    const { header } = mesh;
    if (header.vertices !== vertices || header.faces !== faces) {
      throw chunkError(
        `the mesh has ${header.vertices} vertices and ${header.faces} faces, ` +
          `HEAD declares ${vertices} and ${faces}`,
      );
    }
    this.known = new Known(mesh.faces, vertices, shDegree, depth, splats);
    this.mesh = mesh;
    return [meshEdit(mesh)];
  }

  private takeTree(payload: Uint8Array, level: number, entry: Entry | null, known: Known): Edit[] {
    const { members, units, shade, splits, patched } = decodeTree(payload, level + 1, known);
    const count = shade.length;
    if (entry) this.promise("it", count, entry.splats);
    const { columns } = known;
    const [first, firstPoint] = [known.rows, known.points];
    const edits: Edit[] = [];
    if (level === 0) {
      known.addRoots(members, units, shade);
    } else {
      known.addChildren(level + 1, members, units, shade);
      const corners = new Uint32Array(3 * members.length);
      for (let at = 0; at < corners.length; at++) {
        corners[at] = known.corners.values[3 * members[Math.floor(at / 3)] + (at % 3)];
      }
      const weights = pointWeights(splits);
      edits.push({ type: "points", first: firstPoint, count: members.length, corners, weights });
    }
    const corners = known.corners.values.slice(3 * first, 3 * (first + count));
    edits.push({ type: "faces", first, count, corners, ...faceSplats(units, columns), level });
    if (patched) {
      const changed = patchedSplats(known.units.values, columns, members, splits);
      edits.push({ type: "patches", count: members.length, rows: Uint32Array.from(members), ...changed });
    }
    return edits;
  }

  private promise(part: string, found: number, promised: number): void {
    if (found !== promised) throw chunkError(`${part} holds ${found} splats, INDX announces ${promised}`);
  }
}
