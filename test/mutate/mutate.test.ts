import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { API } from "typescript/unstable/async";
import { EQUIVALENT, isEquivalent } from "./equivalent.ts";
import { Imports } from "./imports.ts";
import { applied, mutationsOf } from "./mutations.ts";
import { elsewhereOf, roomOf, testsOf } from "./rooms.ts";
import { type Judged, mutate } from "./run.ts";

const ROOT = join(import.meta.dir, "../..");
const CONFIG = { compilerOptions: { strict: true, noEmit: true, module: "Preserve", target: "ESNext", types: [] }, include: ["src"] };

let project = "";

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), "mutate-test-"));
  await symlink(join(ROOT, "node_modules"), join(project, "node_modules"));
  await Bun.write(join(project, "tsconfig.json"), JSON.stringify(CONFIG));
});

afterAll(() => rm(project, { recursive: true, force: true }));

async function mutantsOf(text: string): Promise<string[]> {
  const file = join(project, "src/snippet.ts");
  await Bun.write(file, text);
  const api = new API({ cwd: project });
  try {
    const snapshot = await api.updateSnapshot({ openProjects: [join(project, "tsconfig.json")] });
    const source = await snapshot.getProjects()[0]?.program.getSourceFile(file);
    if (source === undefined) throw new Error("the snippet is not part of the project");
    return mutationsOf(source).map((mutation) => `${mutation.kind}: ${applied(text, mutation)}`);
  } finally {
    await api.close();
    await rm(file);
  }
}

const MUTANTS: readonly { readonly of: string; readonly are: readonly string[] }[] = [
  { of: "a < b;", are: ["statement removed: ;", "operator inverted: a <= b;"] },
  { of: "let x = a && !b;", are: ["operator inverted: let x = a || !b;", "negation dropped: let x = a && b;"] },
  { of: "let x = c ? 1 : y;", are: ["condition negated: let x = !(c) ? 1 : y;", "number off by one: let x = c ? 2 : y;"] },
  { of: "if (a) { throw b; }", are: ["condition negated: if (!(a)) { throw b; }", "statement removed: if (a) { ; }"] },
  { of: 'let x = "a"', are: ['string emptied: let x = ""'] },
  { of: 'let x = ""', are: ['string filled: let x = "mutated"'] },
  { of: "let x = 1_000", are: ["number off by one: let x = 1001"] },
  {
    of: "const f = () => { return true; };",
    are: ["return dropped: const f = () => { return; };", "boolean inverted: const f = () => { return false; };"],
  },
  { of: "const f = () => { return; };", are: ["return dropped: const f = () => { ; };"] },
  { of: 'import a from "a";', are: [] },
  { of: "const f = () => { return undefined; };", are: [] },
  { of: 'let x = list[0] ?? "";', are: ['operator inverted: let x = list[0] && "";', 'number off by one: let x = list[1] ?? "";'] },
  { of: 'let [a = ""] = list;', are: [] },
  { of: 'v.description("a");', are: ["statement removed: ;"] },
  { of: 'let x: "a" | 1;', are: [] },
  { of: 'deps.log.warn("a b", "c");', are: ["statement removed: ;", 'string emptied: deps.log.warn("a b", "");'] },
  { of: 'let x = log.warn("a b", "c");', are: ['string emptied: let x = log.warn("a b", "");'] },
  { of: 'let x = f({ hint: "a b", to: "c" });', are: ['string emptied: let x = f({ hint: "a b", to: "" });'] },
  { of: 'let x = dialog.open("a");', are: ['string emptied: let x = dialog.open("");'] },
  { of: "// a < b", are: [] },
  { of: "let x = `a < b`;", are: [] },
];

for (const { of, are } of MUTANTS) {
  test(`the mutants of ${of}`, async () => {
    expect(await mutantsOf(of)).toEqual([...are]);
  });
}

test("a mutant that the tests notice is killed, one that they do not notice survives, one that does not compile is not counted", async () => {
  await Bun.write(
    join(project, "src/adult/adult.ts"),
    'export const isAdult = (age: number): boolean => age >= 18;\nexport const NAME: "x" = "x";\n',
  );
  await Bun.write(
    join(project, "test/adult/adult.test.ts"),
    'import { expect, test } from "bun:test";\nimport { isAdult } from "../../src/adult/adult.ts";\ntest("18 is", () => expect(isAdult(18)).toBe(true));\n',
  );
  const seen: Judged[] = [];
  const judged = await mutate({ root: project, count: 10, seed: 1 }, (mutant) => seen.push(mutant));
  expect(judged).toEqual(seen);
  expect(
    judged.map(({ file, line, was, text, outcome }) => ({ file, line, was, text, outcome })).sort((a, b) => a.text.localeCompare(b.text)),
  ).toEqual([
    { file: "adult/adult.ts", line: 1, was: ">=", text: ">", outcome: "killed" },
    { file: "adult/adult.ts", line: 1, was: "18", text: "19", outcome: "killed" },
  ]);
  expect(await Bun.file(join(project, "src/adult/adult.ts")).text()).toContain("age >= 18");
}, 120_000);

test("tests that fail without a mutation judge nothing", async () => {
  await Bun.write(join(project, "src/broken/broken.ts"), "export const one = 1;\n");
  await Bun.write(
    join(project, "test/broken/broken.test.ts"),
    'import { expect, test } from "bun:test";\ntest("no", () => expect(1).toBe(2));\n',
  );
  const broken: string[] = [];
  const judged = await mutate(
    { root: project, count: 1, seed: 1, only: "broken" },
    () => {},
    (test) => broken.push(test),
  );
  expect([judged.map(({ outcome }) => outcome), broken]).toEqual([["untested"], ["test/broken/broken.test.ts"]]);
  // A sound test beside it judges alone.
  await Bun.write(
    join(project, "test/broken/sound.test.ts"),
    'import { expect, test } from "bun:test";\nimport { one } from "../../src/broken/broken.ts";\ntest("one", () => expect(one).toBe(1));\n',
  );
  const again = await mutate({ root: project, count: 1, seed: 1, only: "broken" }, () => {});
  expect(again.map(({ outcome }) => outcome)).toEqual(["killed"]);
}, 120_000);

test("a file is judged by its room's tests, or by those that the table names", () => {
  expect(roomOf("log/console.ts")).toBe("log");
  expect(roomOf("errors.ts")).toBe("ground");
  expect(testsOf(ROOT, "storage/core.ts")).toContain("test/storage/core.test.ts");
  expect(testsOf(ROOT, "host/jail/walls.ts")).toEqual([
    "test/host/jail-calls.test.ts",
    "test/host/jail-filter.test.ts",
    "test/host/jail.test.ts",
  ]);
  expect(testsOf(ROOT, "gateway/context.ts")).toContain("test/gateway/strikes.test.ts");
});

test("the tests that reach a file by the fewest imports judge it first, also through a helper of theirs", async () => {
  const imports = await Imports.read(ROOT);
  expect(imports.nearest("src/linux/rlimits.ts", testsOf(ROOT, "linux/rlimits.ts"))[0]).toBe("test/linux/rlimits.test.ts");
  expect(imports.nearest("src/cli/verbs/silence.ts", testsOf(ROOT, "cli/verbs/silence.ts"))).toContain("test/cli/transcript.test.ts");
  expect(imports.nearest("src/cli/verbs/silence.ts", [])).toEqual([]);
});

test("tests of other rooms that import the file judge it last", async () => {
  const tests = testsOf(ROOT, "config/sample.ts");
  expect(await elsewhereOf(ROOT, "config/sample.ts", tests)).toEqual(["test/cli/config.test.ts"]);
  expect(await elsewhereOf(ROOT, "errors.ts", testsOf(ROOT, "errors.ts"))).toEqual([]);
});

test("an equivalent mutant is known by its line before and after", () => {
  const source = "first();\n  if (a > b) swap();\n";
  const mutation = { kind: "operator inverted", start: source.indexOf(">"), end: source.indexOf(">") + 1, text: ">=" };
  const known = [{ file: "a.ts", line: "if (a > b) swap();", becomes: "if (a >= b) swap();", why: "equal ones may be swapped" }];
  expect(isEquivalent("a.ts", source, mutation, known)).toBe(true);
  expect(isEquivalent("b.ts", source, mutation, known)).toBe(false);
  expect(isEquivalent("a.ts", source, { ...mutation, text: "<" }, known)).toBe(false);
});

test.each(EQUIVALENT.map((each) => [each.file, each] as const))(
  "the equivalent mutant in %s is of a line that is there",
  async (file, { line, becomes, why }) => {
    const lines = (await Bun.file(join(ROOT, "src", file)).text()).split("\n").map((each) => each.trim());
    expect(lines).toContain(line);
    expect(becomes).not.toBe(line);
    expect(why.length).toBeGreaterThan(15);
  },
);
