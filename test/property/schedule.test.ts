import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { DEADLINE_MS, fcRuns } from "./runs.ts";
import { ACTOR, Machine, must, World } from "./world.ts";

const machine = new Machine();
let world: World;

beforeAll(async () => {
  world = await World.start(machine, { plugins: { subject: {} } });
}, 120_000);

afterAll(async () => {
  await world?.stop();
  await machine.close();
});

const task = fc.record({
  interval: fc.oneof(fc.integer({ min: 1, max: 3600 }), fc.double({ min: 1, max: 60, noNaN: true })),
  /** Which of its runs fail. */
  fail: fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { maxLength: 4 }),
  runAtStart: fc.boolean(),
});
type Task = { readonly interval: number; readonly fail: readonly number[]; readonly runAtStart: boolean };

async function install(tasks: readonly Task[]): Promise<void> {
  const named = tasks.map((task, index) => ({ ...task, name: `task_${index}` }));
  const manifest = {
    permissions: ["schedule_tasks", "inter_plugin_messaging"],
    capabilities: { scheduled_tasks: named.map(({ name, interval }) => ({ name, interval })) },
  };
  const plan = { tasks: named.map(({ fail, ...entry }) => ({ ...entry, do: { fail } })) };
  must(await world.reload("subject", { manifest, plan }));
}

const runsOf = (name: string) => world.events.filter(({ type, data }) => type === "task" && data.name === name).map(({ at }) => at);

// Feature: third-party-plugin-system, Property 7: Scheduled task execution
test(
  "a task runs at its interval, within a tenth, whatever of its runs fail",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(task, { minLength: 1, maxLength: 3 }), async (tasks) => {
        world.events.length = 0;
        await install(tasks);
        const longest = Math.max(...tasks.map(({ interval }) => interval));
        // The short ones need not be followed for as long as the long ones.
        const span = Math.min(longest * 3, Math.min(...tasks.map(({ interval }) => interval)) * 12);
        const since = world.clock.monotonic();
        await world.advance(span * 1000 + 500);
        const passed = (world.clock.monotonic() - since) / 1000;
        const known = must(await world.control.schedule());
        for (const [index, { interval, fail, runAtStart }] of tasks.entries()) {
          const ticks = runsOf(`task_${index}`);
          const due = Math.floor(passed / interval);
          const timed = runAtStart ? ticks.slice(1) : ticks;
          expect(timed.length).toBeGreaterThanOrEqual(due);
          expect(timed.length).toBeLessThanOrEqual(due + 1);
          for (const [at, tick] of timed.entries()) {
            const before = timed[at - 1];
            if (before !== undefined) expect(Math.abs(tick - before - interval * 1000)).toBeLessThanOrEqual(interval * 100);
          }
          expect(known.find(({ name }) => name === `task_${index}`)).toMatchObject({
            runs: ticks.length,
            failures: fail.filter((run) => run <= ticks.length).length,
            skipped: 0,
          });
        }
        expect(world.state("subject")).toBe("running");
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

// Feature: third-party-plugin-system, Property 8: Task cancellation on plugin stop
test(
  "after a plugin was stopped none of its tasks runs, and after its start they run again",
  async () => {
    const stop = fc.record({ after: fc.double({ min: 0, max: 3, noNaN: true }), how: fc.constantFrom("disable", "restart") });
    await fc.assert(
      fc.asyncProperty(fc.array(task, { minLength: 1, maxLength: 4 }), stop, async (tasks, { after, how }) => {
        await install(tasks);
        const shortest = Math.min(...tasks.map(({ interval }) => interval));
        await world.advance(shortest * after * 1000);
        if (how === "disable") {
          must(await world.drive(world.control.plugins.disable("subject", ACTOR)));
          world.events.length = 0;
          await world.advance(Math.max(...tasks.map(({ interval }) => interval)) * 3000);
          expect(world.events).toEqual([]);
          expect(must(await world.control.schedule())).toEqual([]);
          must(await world.drive(world.control.plugins.enable("subject", undefined, ACTOR)));
        } else must(await world.drive(world.control.plugins.restart("subject", ACTOR)));
        await world.settle();
        world.events.length = 0;
        await world.advance(shortest * 1000 + 500);
        const first = tasks.findIndex(({ interval }) => interval === shortest);
        // Not those of the life before on top of them.
        expect(runsOf(`task_${first}`).length).toBeWithin(1, 3);
        expect(must(await world.control.schedule()).length).toBe(tasks.length);
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);
