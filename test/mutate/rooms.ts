/** Which tests judge a room of src: `test/<room>`, and this table for the rooms whose tests lie elsewhere. */
import { join } from "node:path";

/**
 * Tests of a room, or of a folder inside it, that are not all of `test/<room>`, as globs. The longest match counts.
 * Slow tests (compiled programs, every attack on the jail) are left out where quicker ones judge the same code.
 */
const TESTS: Readonly<Record<string, readonly string[]>> = {
  host: ["test/host/{database,sql,permission-query,realm,realm-*,run-queue,services*}.test.ts"],
  "host/jail": ["test/host/jail*.test.ts"],
  gateway: ["test/gateway/{bad-input,dependents,reload,strikes}.test.ts"],
};

/** `log` for `log/console.ts`; a file directly under src is of the room `ground`. */
export function roomOf(file: string): string {
  const [first = "", ...rest] = file.split("/");
  return rest.length === 0 ? "ground" : first;
}

/** The test files that judge `file` (a path inside src), relative to `root`; empty where it has none. */
export function testsOf(root: string, file: string): string[] {
  const listed = Object.keys(TESTS)
    .filter((folder) => file.startsWith(`${folder}/`))
    .sort((a, b) => b.length - a.length)[0];
  const globs = listed === undefined ? [`test/${roomOf(file)}/**/*.test.ts`] : (TESTS[listed] ?? []);
  const found = globs.flatMap((glob) => [...new Bun.Glob(glob).scanSync({ cwd: root })]);
  return [...new Set(found)].sort().map((path) => join(".", path));
}

/** Those of `tests` that import `file` by name: they judge most mutants alone, and in less time. */
export async function nearestOf(root: string, file: string, tests: readonly string[]): Promise<string[]> {
  const importing = await Promise.all(
    tests.map(async (path) => ((await Bun.file(join(root, path)).text()).includes(`/src/${file}"`) ? [path] : [])),
  );
  return importing.flat();
}
