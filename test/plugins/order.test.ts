import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseManifest } from "../../src/manifest/parse.ts";
import { dependentsOf, planStart, type Startable, stopOrder } from "../../src/plugins/discovery/order.ts";

interface Wish {
  readonly name: string;
  readonly version?: string;
  readonly optional?: boolean;
}

function plugin(
  name: string,
  version: string,
  wishes: readonly Wish[] = [],
  rest: { packages?: Record<string, string>; installed?: Record<string, string>; min?: string } = {},
): Startable {
  const text = JSON.stringify({
    name,
    version,
    description: "x",
    author: "y",
    zephyrgate: rest.min === undefined ? {} : { min_version: rest.min },
    dependencies: {
      plugins: wishes,
      packages: Object.entries(rest.packages ?? {}).map(([each, range]) => ({ name: each, version: range })),
    },
  });
  const parsed = parseManifest(text, "m.yaml");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return { manifest: parsed.value, packageVersion: (each) => rest.installed?.[each] ?? null };
}

const linesOf = (plan: ReturnType<typeof planStart>) =>
  Object.fromEntries([...plan.blocked].map(([name, problems]) => [name, problems.map((problem) => problem.line)]));

test("dependencies first, by name where nothing else decides; stop in reverse", () => {
  const plan = planStart(
    [
      plugin("c", "1.0.0"),
      plugin("a", "1.0.0", [{ name: "z" }]),
      plugin("z", "1.2.0"),
      plugin("b", "1.0.0", [{ name: "c", optional: true }]),
    ],
    "1.0.0",
  );
  expect(plan.order).toEqual(["c", "b", "z", "a"]);
  expect(stopOrder(plan.order)).toEqual(["a", "z", "b", "c"]);
  expect(plan.blocked.size).toBe(0);
});

test("all problems of each plugin together: missing, version, package, gateway, and who needs it", () => {
  const plan = planStart(
    [
      plugin("a", "1.0.0", [{ name: "gone" }, { name: "old", version: "^2.0.0" }], {
        packages: { lodash: "^4.0.0", left: "*" },
        installed: { lodash: "3.1.0" },
        min: "9.0.0",
      }),
      plugin("old", "1.5.0"),
      plugin("needs_a", "1.0.0", [{ name: "a" }]),
      plugin("likes_a", "1.0.0", [
        { name: "a", optional: true },
        { name: "gone", version: "^1.0.0", optional: true },
      ]),
    ],
    "1.0.0",
  );
  expect(linesOf(plan)).toEqual({
    a: [
      "needs gateway 9.0.0 or later, this is 1.0.0",
      "needs the plugin gone, which is not installed",
      "needs the plugin old ^2.0.0, and version 1.5.0 is installed",
      "needs the package lodash ^4.0.0, and its node_modules has 3.1.0 (run npm install in the plugin's folder)",
      "needs the package left, which is not in its node_modules (run npm install in the plugin's folder)",
    ],
    needs_a: ["needs the plugin a, which cannot start"],
  });
  expect(plan.order).toEqual(["likes_a", "old"]);
  expect(plan.notes.get("likes_a")).toEqual(["would use the plugin gone ^1.0.0, which is not installed"]);
});

test("a circle of required dependencies names its way; one with an optional link starts", () => {
  const circle = planStart(
    [
      plugin("a", "1.0.0", [{ name: "b" }]),
      plugin("b", "1.0.0", [{ name: "c" }]),
      plugin("c", "1.0.0", [{ name: "a" }]),
      plugin("d", "1.0.0", [{ name: "a" }]),
    ],
    "1.0.0",
  );
  expect(linesOf(circle)).toEqual({
    a: ["depends on itself: a -> b -> c -> a"],
    b: ["depends on itself: b -> c -> a -> b"],
    c: ["depends on itself: c -> a -> b -> c"],
    d: ["needs the plugin a, which cannot start"],
  });
  const soft = planStart([plugin("a", "1.0.0", [{ name: "b" }]), plugin("b", "1.0.0", [{ name: "a", optional: true }])], "1.0.0");
  expect(soft.order).toEqual(["b", "a"]);
});

test("dependents: required ones through others, optional ones directly", () => {
  const manifests = [
    plugin("a", "1.0.0"),
    plugin("b", "1.0.0", [{ name: "a" }]),
    plugin("c", "1.0.0", [{ name: "b" }]),
    plugin("d", "1.0.0", [{ name: "a", optional: true }]),
  ].map((each) => each.manifest);
  expect(dependentsOf("a", manifests)).toEqual({ required: ["b", "c"], optional: ["d"] });
});

/** Random plugins p0..pn, each with random wishes for others (some of which are not there), at random versions. */
const graph = fc.integer({ min: 1, max: 9 }).chain((count) =>
  fc.array(
    fc.record({
      version: fc.constantFrom("1.0.0", "1.5.0", "2.0.0", "2.0.0-beta.1"),
      wishes: fc.uniqueArray(
        fc.record({ to: fc.nat(count + 1), range: fc.constantFrom("*", "^1.0.0", ">=1.2.0", "^2.0.0"), optional: fc.boolean() }),
        { selector: (wish) => wish.to, maxLength: 3 },
      ),
    }),
    { minLength: count, maxLength: count },
  ),
);

// Feature: third-party-plugin-system, Property 12: Dependency validation
test("in any graph, exactly the plugins whose required dependencies hold are started, after them, and every missing one is reported", () => {
  fc.assert(
    fc.property(graph, (nodes) => {
      const candidates = nodes.map(({ version, wishes }, index) =>
        plugin(
          `p${index}`,
          version,
          wishes.filter((wish) => wish.to !== index).map((wish) => ({ name: `p${wish.to}`, version: wish.range, optional: wish.optional })),
        ),
      );
      const plan = planStart(candidates, "1.0.0");
      const byName = new Map(candidates.map((each) => [each.manifest.name, each.manifest]));
      const suits = (name: string, range: string) => {
        const found = byName.get(name)?.version;
        if (found === "2.0.0-beta.1") return range === "*" || range === ">=1.2.0";
        return found !== undefined && Bun.semver.satisfies(found, range);
      };
      // The reference: grow the set of those that may start until nothing is added.
      const startable = new Set<string>();
      for (let before = -1; before !== startable.size; ) {
        before = startable.size;
        for (const manifest of byName.values()) {
          const needs = (manifest.dependencies.plugins ?? []).filter((entry) => !entry.optional);
          if (needs.every((entry) => startable.has(entry.name) && suits(entry.name, entry.version))) startable.add(manifest.name);
        }
      }
      expect(new Set(plan.order)).toEqual(startable);
      expect(plan.order.length + plan.blocked.size).toBe(nodes.length);
      for (const [position, name] of plan.order.entries()) {
        for (const entry of byName.get(name)?.dependencies.plugins ?? [])
          if (!entry.optional) expect(plan.order.indexOf(entry.name)).toBeLessThan(position);
      }
      for (const manifest of byName.values()) {
        for (const entry of manifest.dependencies.plugins ?? []) {
          if (entry.optional || suits(entry.name, entry.version)) continue;
          const named = (plan.blocked.get(manifest.name) ?? []).some(
            (problem) => "dependency" in problem && problem.dependency === entry.name,
          );
          expect(named).toBe(true);
        }
      }
      // The order of the input decides nothing.
      expect(planStart([...candidates].reverse(), "1.0.0").order).toEqual(plan.order);
    }),
    { numRuns: 200 },
  );
});

test("a long chain and a large circle take no recursion", () => {
  const chain = Array.from({ length: 600 }, (_, index) => plugin(`p${index}`, "1.0.0", index === 0 ? [] : [{ name: `p${index - 1}` }]));
  expect(planStart(chain, "1.0.0").order).toHaveLength(600);
  const circle = chain.map((each, index) => (index === 0 ? plugin("p0", "1.0.0", [{ name: "p599" }]) : each));
  expect(planStart(circle, "1.0.0").blocked.size).toBe(600);
});
