/** Mutates a scratch copy of a project and runs the tests of the mutated room against each mutant. */
import { chmod, cp, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { API, type Program } from "typescript/unstable/async";
import { isEquivalent } from "./equivalent.ts";
import { Imports } from "./imports.ts";
import { applied, type Mutation, mutationsOf } from "./mutations.ts";
import { elsewhereOf, roomOf, testsOf } from "./rooms.ts";

export interface Plan {
  /** The project: its files are copied, `node_modules` is linked. */
  readonly root: string;
  /** How many mutants that compile are judged. */
  readonly count: number;
  readonly seed: number;
  /** A room, or a path inside src with which the mutated files begin; without it every room. */
  readonly only?: string | undefined;
  /**
   * Only the nearest tests judge. The score is then a lower bound: further tests might notice what these do not. Without it
   * every test of the room, and those elsewhere that import the file, must have passed before a mutant has survived.
   */
  readonly quick?: boolean | undefined;
}

export interface Judged extends Mutation {
  readonly room: string;
  /** Path inside src, and the line (from 1) where the mutation starts. */
  readonly file: string;
  readonly line: number;
  readonly was: string;
  /** A room without tests leaves all its mutants `untested`. */
  readonly outcome: "killed" | "timeout" | "survived" | "untested";
}

/** What is made from the rest, and what a copy links instead. */
const NOT_COPIED: ReadonlySet<string> = new Set([".git", "dist", "node_modules", "types"]);
const MIN_TIMEOUT_MS = 15_000;
const MAX_UNMUTATED_MS = 600_000;

/**
 * Judges the sample and reports each mutant when it is known. The working tree stays untouched; the copy is removed. `onBroken`
 * hears of each test that fails without any mutation: it could judge nothing, and what only such tests judge is untested.
 */
export async function mutate(
  plan: Plan,
  onJudged: (mutant: Judged) => void,
  onBroken: (test: string) => void = () => {},
): Promise<Judged[]> {
  const scratch = await mkdtemp(join(tmpdir(), "mutate-"));
  await chmod(scratch, 0o755); // Some tests start programs as another user, who must be able to read it.
  const api = new API({ cwd: scratch });
  try {
    await copyTree(resolve(plan.root), scratch);
    const bench = new Bench(scratch, { api, imports: await Imports.read(scratch), quick: plan.quick === true });
    const judged: Judged[] = [];
    for await (const mutant of judgeSample(bench, filesOf(scratch, plan.only), plan)) {
      judged.push(mutant);
      onJudged(mutant);
    }
    for (const test of [...bench.broken].sort()) onBroken(test);
    return judged;
  } finally {
    await api.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function copyTree(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) {
    if (!NOT_COPIED.has(name)) await cp(join(from, name), join(to, name), { recursive: true });
  }
  await symlink(join(from, "node_modules"), join(to, "node_modules"));
}

function filesOf(root: string, only: string | undefined): string[] {
  const files = [...new Bun.Glob("**/*.ts").scanSync({ cwd: join(root, "src") })].filter((file) => !file.endsWith(".d.ts")).sort();
  return files.filter((file) => only === undefined || roomOf(file) === only || file.startsWith(only));
}

async function* judgeSample(bench: Bench, files: readonly string[], plan: Plan): AsyncGenerator<Judged> {
  const rooms = Map.groupBy(files, roomOf);
  let left = plan.count;
  for (const { file, mutation } of await bench.sample(files, plan.seed)) {
    if (left === 0) return;
    const room = roomOf(file);
    const source = await bench.source(file);
    const mutant = applied(source, mutation);
    if (isEquivalent(file, source, mutation)) continue;
    if (!(await bench.compiles(file, mutant, rooms.get(room) ?? []))) continue;
    left -= 1;
    const outcome = await bench.judge(file, mutant);
    const line = source.slice(0, mutation.start).split("\n").length;
    yield { ...mutation, room, file, line, was: source.slice(mutation.start, mutation.end), outcome };
  }
}

interface Site {
  readonly file: string;
  readonly mutation: Mutation;
}

interface Sound {
  readonly tests: readonly string[];
  readonly timeoutMs: number;
}

/** The scratch copy with one open compiler: each file is as it was before and after each call. */
class Bench {
  readonly #root: string;
  readonly #api: API;
  readonly #imports: Imports;
  readonly #quick: boolean;
  /** What can judge, by the names of all tests of a stage. */
  readonly #known = new Map<string, Sound>();
  /** Tests that failed without a mutation. */
  readonly broken = new Set<string>();

  constructor(root: string, { api, imports, quick }: { readonly api: API; readonly imports: Imports; readonly quick: boolean }) {
    this.#root = root;
    this.#api = api;
    this.#imports = imports;
    this.#quick = quick;
  }

  source(file: string): Promise<string> {
    return Bun.file(this.#path(file)).text();
  }

  /** All mutations of `files` in a seeded order: each is as likely as any other, so that a score speaks for all of them. */
  async sample(files: readonly string[], seed: number): Promise<Site[]> {
    const program = await this.#program();
    const sites: Site[] = [];
    for (const file of files) {
      const source = await program.getSourceFile(this.#path(file));
      if (source !== undefined) sites.push(...mutationsOf(source).map((mutation) => ({ file, mutation })));
    }
    return fc.sample(fc.shuffledSubarray(sites, { minLength: sites.length }), { seed, numRuns: 1 })[0] ?? [];
  }

  /** Whether the files of the room still type-check with `text` in place of `file`. */
  compiles(file: string, text: string, files: readonly string[]): Promise<boolean> {
    return this.#with(file, text, async () => {
      const program = await this.#program(file);
      if ((await program.getSyntacticDiagnostics(this.#path(file))).length > 0) return false;
      for (const each of [file, ...files]) if ((await program.getSemanticDiagnostics(this.#path(each))).length > 0) return false;
      return true;
    });
  }

  async judge(file: string, text: string): Promise<Judged["outcome"]> {
    const tests = testsOf(this.#root, file);
    const elsewhere = await elsewhereOf(this.#root, file, tests);
    const all = [...tests, ...elsewhere];
    const nearest = this.#imports.nearest(`src/${file}`, all);
    const further = all.filter((path) => !nearest.includes(path));
    const stages = (this.#quick && nearest.length > 0 ? [nearest] : [nearest, further]).filter((some) => some.length > 0);
    if (stages.length === 0) return "untested";
    let judges = 0;
    for (const some of stages) {
      const { tests: sound, timeoutMs } = await this.#sound(some);
      if (sound.length === 0) continue;
      judges += sound.length;
      const outcome = await this.#with(file, text, () => this.#test(sound, timeoutMs));
      if (outcome !== "survived") return outcome;
    }
    return judges === 0 ? "untested" : "survived";
  }

  /** Those of the tests that pass without a mutation, and how long they may take: what fails by itself judges nothing, and is told. */
  async #sound(tests: readonly string[]): Promise<Sound> {
    const key = tests.join(" ");
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = (await this.#timed(tests)) ?? (await this.#timed(tests)) ?? (await this.#soundOnes(tests));
    this.#known.set(key, found);
    return found;
  }

  /** Null when they fail; on a busy machine that may be by chance. */
  async #timed(tests: readonly string[]): Promise<Sound | null> {
    const started = performance.now();
    if ((await this.#test(tests, MAX_UNMUTATED_MS)) !== "survived") return null;
    return { tests, timeoutMs: Math.max(MIN_TIMEOUT_MS, 5 * (performance.now() - started)) };
  }

  async #soundOnes(tests: readonly string[]): Promise<Sound> {
    const sound: Sound[] = [];
    for (const path of tests) {
      const alone = tests.length === 1 ? null : await this.#timed([path]);
      if (alone === null) this.broken.add(path);
      else sound.push(alone);
    }
    return { tests: sound.flatMap((each) => each.tests), timeoutMs: sound.reduce((sum, each) => sum + each.timeoutMs, 0) };
  }

  /** Runs the tests until the first fails. What they started ends with them. */
  async #test(tests: readonly string[], timeoutMs: number): Promise<Exclude<Judged["outcome"], "untested">> {
    const command = [process.execPath, "test", "--bail", "--timeout", "30000", ...tests.map((path) => `./${path}`)];
    const child = Bun.spawn(command, { cwd: this.#root, stdout: "ignore", stderr: "ignore", detached: true });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      endGroup(child.pid);
    }, timeoutMs);
    const code = await child.exited;
    clearTimeout(timer);
    endGroup(child.pid);
    return late ? "timeout" : code === 0 ? "survived" : "killed";
  }

  async #with<T>(file: string, text: string, act: () => Promise<T>): Promise<T> {
    const source = await this.source(file);
    await Bun.write(this.#path(file), text);
    try {
      return await act();
    } finally {
      await Bun.write(this.#path(file), source);
      await this.#program(file);
    }
  }

  async #program(changed?: string): Promise<Program> {
    const config = join(this.#root, "tsconfig.json");
    const fileChanges = changed === undefined ? {} : { fileChanges: { changed: [this.#path(changed)] } };
    const snapshot = await this.#api.updateSnapshot({ openProjects: [config], ...fileChanges });
    const project = snapshot.getProject(config);
    if (project === undefined) throw new Error(`the compiler does not open ${config}`);
    return project.program;
  }

  #path(file: string): string {
    return join(this.#root, "src", file);
  }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Every process of the group has ended.
  }
}
