import type { Json } from "../../../json.ts";
import { copyJson } from "../../../json-reader.ts";
import type { MeshNode } from "../../../mesh/node.ts";

/** A value of the mesh room without what JSON cannot carry. */
export function plainJson(value: object): Json {
  return copyJson(value);
}

export function nodeJson(node: MeshNode): Json {
  return copyJson(node);
}
