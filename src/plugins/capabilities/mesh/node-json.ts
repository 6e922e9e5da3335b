import type { Json } from "../../../json.ts";
import type { MeshNode } from "../../../mesh/node.ts";

export function nodeJson(node: MeshNode): Json {
  return JSON.parse(JSON.stringify(node));
}
