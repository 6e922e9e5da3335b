import { expect, test } from "bun:test";
import { join } from "node:path";
import { droppedPromises, withProject } from "./promises.ts";

const ROOT = join(import.meta.dir, "../..");
/** The compiler checks the whole project first: seconds, and more on a busy machine. */
const DEADLINE_MS = 120_000;
const FIXTURE = "test/architecture/fixtures/dropped-promises.ts";

/** The sdk hands promises that it has handled through functions of its own that return them. */
const RETURNS_ITS_ARGUMENT = /^src\/sdk\/realm\/(?:link|primordials)\.ts:/;

test(
  "the search finds every way to drop a promise, and nothing else",
  async () => {
    const lines = (await Bun.file(join(ROOT, FIXTURE)).text()).split("\n");
    const marked = lines.flatMap((line, at) => (line.includes("// dropped") ? [`${FIXTURE}:${at + 1}`] : []));
    const found = await withProject((project) => droppedPromises(project, FIXTURE));
    expect(found.sort()).toEqual(marked.sort());
    expect(marked.length).toBeGreaterThan(10);
  },
  DEADLINE_MS,
);

test(
  "no source file drops a promise: give it a .catch, or use inBackground of log/background.ts",
  async () => {
    const found = await withProject(async (project) => {
      const files = await Array.fromAsync(new Bun.Glob("src/**/*.ts").scan(ROOT));
      const sources = files.filter((file) => !file.endsWith(".d.ts"));
      return (await Promise.all(sources.map((file) => droppedPromises(project, file)))).flat();
    });
    expect(found.filter((place) => !RETURNS_ITS_ARGUMENT.test(place))).toEqual([]);
  },
  DEADLINE_MS,
);
