/** Adds values to a configuration file as it is written, with its comments. */
import { type Document, isCollection, isNode, parseDocument } from "yaml";
import type { Json } from "../json.ts";

export interface Amended {
  readonly text: string;
  /** Dotted keys that were added. */
  readonly added: readonly string[];
  /** Dotted keys that the file has already, and keeps. */
  readonly kept: readonly string[];
}

/** `text` must have been read by `readYaml`. Maps are merged; a list or a value is added only where the file has no such key. */
export function amendConfig(text: string, settings: { readonly [key: string]: Json }): Amended {
  const document = parseDocument(text);
  const [added, kept]: [string[], string[]] = [[], []];
  addAll(document, [], settings, { added, kept });
  return { text: added.length === 0 ? text : document.toString({ lineWidth: 130 }), added, kept };
}

interface Outcome {
  readonly added: string[];
  readonly kept: string[];
}

function addAll(document: Document, path: readonly string[], values: { readonly [key: string]: Json }, outcome: Outcome): void {
  for (const [key, value] of Object.entries(values)) {
    const place = [...path, key];
    const present = document.getIn(place, true);
    if (isMap(value) && isCollection(present)) {
      addAll(document, place, value, outcome);
      continue;
    }
    // A key without a value, as in a file of comments, is free.
    const isFree = present === undefined || document.getIn(place) === null;
    if (isFree) {
      const node = document.createNode(value);
      const comment = isNode(present) ? (present.comment ?? present.commentBefore) : null;
      if (comment !== null && comment !== undefined) node.commentBefore = comment;
      document.setIn(place, node);
    }
    (isFree ? outcome.added : outcome.kept).push(place.join("."));
  }
}

function isMap(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
