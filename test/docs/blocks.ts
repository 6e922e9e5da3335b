/** The code blocks of README.md and docs/*.md, with what a hidden comment before each says about its completion. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");

export interface Block {
  /** Relative to the project. */
  readonly file: string;
  /** Of the block's first line, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** `<!-- KIND: DETAIL -->` on the line before. */
  readonly mark: { readonly kind: string; readonly detail: string } | null;
}

export function documents(): string[] {
  const pages = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", ...pages.sort().map((name) => `docs/${name}`)];
}

export function blocksOf(file: string): Block[] {
  const lines = readFileSync(join(ROOT, file), "utf8").split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, indent = "", fence, language = ""] = /^( *)(```+)(\w*)\s*$/.exec(lines[at] ?? "") ?? [];
    if (fence === undefined) continue;
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence);
    if (end < 0) throw new Error(`${file}:${at + 1}: the code block does not end`);
    const [, kind, detail = ""] = /^\s*<!-- ([a-z]+)(?:: (.*))? -->$/.exec(lines[at - 1] ?? "") ?? [];
    const text = lines
      .slice(at + 1, end)
      .map((line) => line.slice(indent.length))
      .join("\n");
    blocks.push({ file, line: at + 2, language, text, mark: kind === undefined ? null : { kind, detail } });
    at = end;
  }
  return blocks;
}

export function allBlocks(): Block[] {
  return documents().flatMap(blocksOf);
}

export function placeOf(block: Block): string {
  return `${block.file}:${block.line}`;
}
