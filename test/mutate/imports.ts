/** How far each test is from a file of src, by imports: those that are nearest judge most mutants alone, and in less time. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

const IMPORT = /(?:from|import\()\s*"(\.\.?\/[^"]+)"/g;
/** More than these are no longer near. */
const MOST = 12;

/** Who imports whom in `src` and `test`, by paths relative to the root. */
export class Imports {
  readonly #importers = new Map<string, Set<string>>();

  static async read(root: string): Promise<Imports> {
    const imports = new Imports();
    for (const path of [...new Bun.Glob("{src,test}/**/*.{ts,tsx}").scanSync({ cwd: root })].sort()) {
      const text = await Bun.file(join(root, path)).text();
      for (const [, to = ""] of text.matchAll(IMPORT)) {
        const imported = join(dirname(path), to);
        if (!existsSync(join(root, imported))) continue;
        const known = imports.#importers.get(imported) ?? new Set();
        imports.#importers.set(imported, known.add(path));
      }
    }
    return imports;
  }

  /** The steps from each file that reaches `file`; the file itself is 0. A helper of tests is no step. Paths relative to the root. */
  distances(file: string): Map<string, number> {
    const found = new Map([[file, 0]]);
    let level = [file];
    for (let steps = 0; level.length > 0; steps++) {
      const next: string[] = [];
      // It grows while it is walked.
      for (const path of level) {
        const cost = path.startsWith("test/") ? 0 : 1;
        for (const importer of this.#importers.get(path) ?? []) {
          if ((found.get(importer) ?? Number.POSITIVE_INFINITY) <= steps + cost) continue;
          found.set(importer, steps + cost);
          (cost === 0 ? level : next).push(importer);
        }
      }
      level = next;
    }
    return found;
  }

  /** Those of `tests` that are nearest to the file, and those one step further: at most twelve, the nearest first. */
  nearest(file: string, tests: readonly string[]): string[] {
    const distances = this.distances(file);
    const reached = tests.flatMap((path) => {
      const steps = distances.get(path);
      return steps === undefined ? [] : [{ path, steps }];
    });
    reached.sort((a, b) => a.steps - b.steps);
    const least = reached[0]?.steps ?? 0;
    return reached
      .filter(({ steps }) => steps <= least + 1)
      .slice(0, MOST)
      .map(({ path }) => path);
  }
}
