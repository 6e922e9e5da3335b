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
    const files = await Array.fromAsync(new Bun.Glob("src/**/*.{ts,tsx}").scan(ROOT));
    const sources = files.filter((file) => !file.endsWith(".d.ts"));
    const isBrowser = (file: string) => file.startsWith("src/console/");
    const dropped = (config: string, some: readonly string[]) =>
      withProject(async (project) => (await Promise.all(some.map((file) => droppedPromises(project, file)))).flat(), config);
    const gateway = await dropped(
      "tsconfig.json",
      sources.filter((file) => !isBrowser(file)),
    );
    const found = [...gateway, ...(await dropped("src/console/tsconfig.json", sources.filter(isBrowser)))];
    expect(found.filter((place) => !RETURNS_ITS_ARGUMENT.test(place))).toEqual([]);
  },
  DEADLINE_MS,
);
