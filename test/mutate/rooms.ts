/** Which tests judge a file of src: those of `test/<room>`, of this table where a room's tests lie elsewhere, and those that import the file. */
import { join } from "node:path";

/**
 * Tests of a room, or of a folder inside it, that are not all of `test/<room>`, as globs. The longest match counts.
 * Slow tests (compiled programs, every attack on the jail) are left out where quicker ones judge the same code.
 */
const TESTS: Readonly<Record<string, readonly string[]>> = {
  ground: ["test/*.test.ts"],
  "gateway.ts": ["test/gateway/{bad-input,ends,uncaught,backup}.test.ts"],
  "main.ts": ["test/gateway/{ends,uncaught}.test.ts", "test/cli/cli.test.ts"],
  api: ["test/{api,console}/**/*.test.ts"],
  control: [
    "test/control/**/*.test.ts",
    "test/cli/{cli,authoring-packages,package-index,signed-packages}.test.ts",
    "test/gateway/{replacing,moved-folder,backup}.test.ts",
  ],
  gateway: ["test/gateway/!(arm64|compiled).test.ts", "test/integration/scenarios.test.ts"],
  host: ["test/host/**/*.test.ts", "test/hostile/{realm,sql,engine,resources}.test.ts"],
  "host/jail": ["test/host/jail*.test.ts"],
  sdk: ["test/{sdk,testing}/**/*.test.ts"],
  testing: ["test/{testing,authoring}/**/*.test.ts"],
};

/** `log` for `log/console.ts`; a file directly under src is of the room `ground`. */
export function roomOf(file: string): string {
  const [first = "", ...rest] = file.split("/");
  return rest.length === 0 ? "ground" : first;
}

/** The test files that judge `file` (a path inside src), relative to `root`; empty where it has none. */
export function testsOf(root: string, file: string): string[] {
  const room = roomOf(file);
  const listed = Object.keys(TESTS)
    .filter((place) => place === room || place === file || file.startsWith(`${place}/`))
    .sort((a, b) => b.length - a.length)[0];
  const globs = listed === undefined ? [`test/${room}/**/*.test.ts`] : (TESTS[listed] ?? []);
  const found = globs.flatMap((glob) => [...new Bun.Glob(glob).scanSync({ cwd: root })]);
  return [...new Set(found)].sort().map((path) => join(".", path));
}

/** Tests that drive the whole program for long, or start it many times: they judge nothing that quicker ones do not. */
const NEVER = /^test\/(?:bench|docs|hostile|install|integration|mutate|property|scenario)\/|\/(?:arm64|compiled)\.test\.ts$/;

/** Tests of other rooms that import `file` by name. A ground file has none: half of all tests import it for themselves. */
export async function elsewhereOf(root: string, file: string, tests: readonly string[]): Promise<string[]> {
  if (roomOf(file) === "ground") return [];
  const others = [...new Bun.Glob("test/**/*.test.ts").scanSync({ cwd: root })].sort();
  return nearestOf(
    root,
    file,
    others.filter((path) => !NEVER.test(path) && !tests.includes(path)),
  );
}

/** Those of `tests` that import `file` by name: they judge most mutants alone, and in less time. */
export async function nearestOf(root: string, file: string, tests: readonly string[]): Promise<string[]> {
  const importing = await Promise.all(
    tests.map(async (path) => ((await Bun.file(join(root, path)).text()).includes(`/src/${file}"`) ? [path] : [])),
  );
  return importing.flat();
}
