/** `bun run docs:guide` writes what the day really gave into docs/USER_GUIDE.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { playDay } from "./day.ts";

export const GUIDE = join(import.meta.dir, "../../docs/USER_GUIDE.md");
const BLOCK = /(<!-- day: (\w+) -->\n```text)((?:\n(?!```).*)*)(\n```)/g;

/** Blocks of the guide by their chapter. */
export function chaptersIn(guide: string): Map<string, string> {
  return new Map([...guide.matchAll(BLOCK)].map(([, , chapter = "", text = ""]) => [chapter, text.slice(1)]));
}

if (import.meta.main) {
  const { chapters } = await playDay();
  const guide = readFileSync(GUIDE, "utf8");
  writeFileSync(
    GUIDE,
    guide.replace(BLOCK, (_, head: string, chapter: string, __, foot: string) => `${head}\n${chapters.get(chapter) ?? ""}${foot}`),
  );
}
