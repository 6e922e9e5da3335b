import { afterAll, afterEach, expect, test } from "bun:test";
import fc from "fast-check";
import type { Json } from "../../src/json.ts";
import { DEADLINE_MS, fcRuns } from "./runs.ts";
import { Machine, type PluginSource, World } from "./world.ts";

const machine = new Machine();
let world: World | null = null;

afterEach(async () => {
  await world?.stop();
  world = null;
});

afterAll(() => machine.close());

const INTERVAL_S = 30;
/** The most that the configuration allows. */
const MAX_FAILURES = 1000;
const limits = fc.record({
  max_failures: fc.integer({ min: 1, max: 4 }),
  max_restarts: fc.integer({ min: 0, max: 3 }),
  backoff_s: fc.constantFrom(1, 2, 5),
  backoff_max_s: fc.constantFrom(5, 10, 300),
});
type Limits = { readonly max_failures: number; readonly max_restarts: number; readonly backoff_s: number; readonly backoff_max_s: number };

const SUBJECT: PluginSource = {
  manifest: { permissions: ["inter_plugin_messaging", "send_messages"], capabilities: { commands: [{ name: "work" }, { name: "fail" }] } },
  plan: {
    quiet: true,
    commands: [
      { name: "work", do: { reply: "done" } },
      { name: "fail", do: { throw: { words: "planned" } } },
    ],
  },
};

/** A gateway with these limits, as long as `use` takes; the realm and host are real, the time is not. */
async function withLimits(
  plan: PluginSource,
  config: { readonly [section: string]: { readonly [key: string]: Json } },
  use: (world: World) => Promise<void>,
): Promise<void> {
  const made = await World.start(machine, { plugins: { subject: plan, bystander: { plan: { quiet: true } } }, config });
  world = made;
  await use(made);
  await made.stop();
  world = null;
}

const alerts = (world: World, code: string) =>
  world.control.status().alerts.filter((alert) => alert.code === code && alert.plugin === "subject");
const delayMs = ({ backoff_s, backoff_max_s }: Limits, restart: number) => Math.min(backoff_s * 2 ** restart, backoff_max_s) * 1000;

// Feature: third-party-plugin-system, Property 17: Health monitoring and restart
test(
  "failing health checks restart a plugin, later each time, and in the end disable it",
  async () => {
    await fc.assert(
      fc.asyncProperty(limits, async (limits) => {
        const sick = { ...SUBJECT, plan: { quiet: true, healthy: false } };
        const health = { ...limits, interval_s: INTERVAL_S, reset_after: 1000 };
        await withLimits(sick, { mesh: { interfaces: [] }, plugins: { health } }, async (world) => {
          for (let restart = 0; ; restart++) {
            // Checks come on the interval of all plugins; a plugin that has just come back waits for the next one.
            for (let check = 0; check < limits.max_failures; check++) {
              expect(world.state("subject")).toBe("running");
              await nextCheck(world);
            }
            if (restart === limits.max_restarts) break;
            expect(world.state("subject")).toBe("backing_off");
            const due = Date.parse((await world.detail("subject")).since) + delayMs(limits, restart);
            await world.advance(due - 1 - world.clock.now());
            expect(world.state("subject")).toBe("backing_off");
            await world.advance(1);
            await world.until("it is back", () => world.state("subject") === "running", 0);
          }
          expect(await world.detail("subject")).toMatchObject({ state: "disabled", disabled_by: "threshold" });
          expect(alerts(world, "plugin_disabled").length).toBe(1);
          expect(world.state("bystander")).toBe("running");
        });
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

/** Goes on to the next health check: all plugins are asked at one time, and the bystander shows when. */
async function nextCheck(world: World): Promise<void> {
  const interval = INTERVAL_S * 1000;
  const { checked_at } = (await world.detail("bystander")).health;
  const last = typeof checked_at === "string" ? Date.parse(checked_at) : world.clock.now();
  await world.advance(last + interval - world.clock.now());
  expect((await world.detail("bystander")).health.checked_at).not.toBe(checked_at);
}

// Feature: third-party-plugin-system, Property 18: Plugin metrics tracking
test(
  "the status of a running plugin has uptime, failures and restarts as they are",
  async () => {
    const here = await World.start(machine, {
      plugins: { subject: SUBJECT },
      config: { plugins: { health: { max_failures: MAX_FAILURES, reset_after: 100_000 } } },
    });
    world = here;
    const step = fc.oneof(fc.constantFrom("work", "fail"), fc.integer({ min: 1, max: 5000 }));
    const { failures, restarts } = (await here.detail("subject")).metrics;
    const model = { calls: (await here.detail("subject")).metrics.calls, failures, restarts, consecutive: 0 };
    const since = here.clock.monotonic() - (await here.detail("subject")).metrics.uptime_s * 1000;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
        for (const chosen of steps) {
          if (typeof chosen === "number") {
            await here.advance(chosen * 1000);
            continue;
          }
          // One failure more in a row, and the plugin would be restarted.
          const step = model.consecutive < MAX_FAILURES - 1 ? chosen : "work";
          model.calls += 1;
          if (step === "fail") {
            model.failures += 1;
            model.consecutive += 1;
          }
          await here.tell(2, step);
        }
        const status = await here.detail("subject");
        expect(status.state).toBe("running");
        expect(status.metrics).toMatchObject({ failures: model.failures, restarts: model.restarts });
        // Health checks are calls too, one a day here.
        const days = Math.floor(here.clock.monotonic() / 86_400_000);
        expect(status.metrics.calls).toBe(model.calls + days);
        expect(status.failures).toBe(model.consecutive);
        expect(Math.abs(status.metrics.uptime_s * 1000 - (here.clock.monotonic() - since))).toBeLessThan(1000);
        expect(status.metrics.latency_p50_s).not.toBeNull();
        expect(status.metrics.memory_bytes).toBeGreaterThanOrEqual(0);
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

// Feature: third-party-plugin-system, Property 26: Failure threshold enforcement
test(
  "a plugin that fails again and again is disabled once its failures pass the threshold",
  async () => {
    await fc.assert(
      fc.asyncProperty(limits, async (limits) => {
        await withLimits(SUBJECT, { plugins: { health: { ...limits, reset_after: 1000 } } }, async (world) => {
          let failures = 0;
          for (let restart = 0; restart <= limits.max_restarts; restart++) {
            for (let failure = 0; failure < limits.max_failures; failure++) {
              expect(world.state("subject")).toBe("running");
              await world.tell(2, "fail");
              failures += 1;
            }
            if (restart === limits.max_restarts) break;
            expect(world.state("subject")).toBe("backing_off");
            await world.advance(delayMs(limits, restart));
            await world.until("they are back", () => world.state("subject") === "running", 0);
          }
          const status = await world.detail("subject");
          expect(status).toMatchObject({ state: "disabled", disabled_by: "threshold" });
          expect(status.metrics.failures).toBe(failures);
          expect(status.metrics.restarts).toBe(limits.max_restarts);
          expect(alerts(world, "plugin_disabled").length).toBe(1);
          // It stays down, and answers nothing.
          await world.advance(600_000);
          expect(world.state("subject")).toBe("disabled");
          expect(await world.tell(3, "!work")).not.toContain("done");
        });
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);

const RESET_AFTER = 3;

// Feature: third-party-plugin-system, Property 27: Failure counter reset
test(
  "so many successes in a row forget all earlier failures, and fewer forget none",
  async () => {
    const here = await World.start(machine, {
      plugins: { subject: SUBJECT },
      config: { plugins: { health: { reset_after: RESET_AFTER } } },
    });
    world = here;
    let failures = 0;
    let successes = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom("work", "work", "fail"), { minLength: 1, maxLength: 8 }), async (steps) => {
        for (const step of steps) {
          await here.tell(2, step);
          if (step === "fail") {
            failures += 1;
            successes = 0;
          } else successes += 1;
          if (successes >= RESET_AFTER) failures = 0;
          expect((await here.detail("subject")).failures).toBe(failures);
        }
      }),
      fcRuns,
    );
  },
  DEADLINE_MS,
);
