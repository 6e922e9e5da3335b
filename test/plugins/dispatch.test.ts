import { describe, expect, test } from "bun:test";
import { handleNumber, registrationId } from "../../src/ids.ts";
import { type Logger, silentLogger } from "../../src/log/logger.ts";
import { AdmissionLimit } from "../../src/plugins/calls/admission-limit.ts";
import { Dispatch, type HandlerCall } from "../../src/plugins/calls/dispatch.ts";
import { FakeClock } from "../fake-clock.ts";
import { type Answer, answered, failedBy, grantedSet, instanceOf, loadOf, runningPlugin, scripted } from "./support.ts";

const call: HandlerCall = {
  plugin: "mine",
  handle: handleNumber(1),
  args: [["a"]],
  timeoutMs: 1_000,
  origin: { correlationId: "c1", context: null, link: null },
  what: { command: "hello" },
};

function setUp(answer: Answer) {
  const clock = new FakeClock();
  const failures: string[] = [];
  const errors: [string, unknown][] = [];
  const log: Logger = { ...silentLogger, error: (message, fields) => void errors.push([message, fields?.correlation_id]) };
  const instance = scripted(instanceOf(grantedSet([]).capabilitySet), answer);
  const plugin = runningPlugin(instance, [{ kind: "message", id: registrationId(7) }], clock);
  const dispatch = new Dispatch({
    log,
    plugin: (name) => (name === "mine" ? plugin : null),
    failed: (_, source, message) => void failures.push(`${source}: ${message}`),
  });
  /** The outcome, after the time that a call waits for a plugin to come back. */
  const invoke = async (made: HandlerCall) => {
    const outcome = dispatch.invoke(made);
    await clock.advance(6_000);
    return outcome;
  };
  return { invoke, plugin, failures, errors };
}

describe("a handler's call", () => {
  test("reaches the realm's own registration with its arguments and deadline", async () => {
    const seen: unknown[] = [];
    const { invoke, failures, errors } = setUp((target, args, timeoutMs) => {
      seen.push(target, args, timeoutMs);
      return answered("hi");
    });
    expect(await invoke(call)).toMatchObject({ ok: true, value: "hi" });
    expect(seen).toEqual([{ kind: "handler", registration: registrationId(7) }, [["a"]], 1_000]);
    expect([failures, errors]).toEqual([[], []]);
  });

  test.each([
    ["threw", { command: "hello" }, ["handler: threw"], 0],
    ["threw", { task: "hourly" }, ["task: threw"], 0],
    ["timeout", { command: "hello" }, ["handler: timeout"], 1],
    ["timeout", { plugin_message: "ping" }, ["handler: timeout"], 1],
    // Another plugin wrote it; the mesh caused it; its end was counted when it came.
    ["threw", { plugin_message: "ping" }, [], 0],
    ["overloaded", { command: "hello" }, [], 0],
    ["gone", { command: "hello" }, [], 0],
  ] as const)("that ended with %s as %p is logged, and counted where it is the plugin's fault", async (cause, what, counted, timeouts) => {
    const { invoke, plugin, failures, errors } = setUp(() => failedBy(cause));
    expect(await invoke({ ...call, what })).toMatchObject({ ok: false, cause });
    expect(failures).toEqual([...counted]);
    const [[kind, name] = ["", ""]] = Object.entries(what);
    expect(errors).toEqual([[`${kind} ${name} failed: Error: ${cause}`, "c1"]]);
    expect(plugin.metrics.timeouts).toBe(timeouts);
  });

  test("to a plugin or a handler that is not there ends as gone", async () => {
    const { invoke } = setUp(() => answered(null));
    expect(await invoke({ ...call, plugin: "other" })).toMatchObject({ ok: false, cause: "gone" });
    expect(await invoke({ ...call, handle: handleNumber(99) })).toMatchObject({ ok: false, cause: "gone" });
  });

  test("that lost its realm before it acted is made again in the next one, once", async () => {
    let calls = 0;
    const { invoke, plugin } = setUp(() => {
      calls += 1;
      plugin.returning("its host was killed");
      const next = scripted(instanceOf(grantedSet([]).capabilitySet), () => answered("second"));
      next.handlers.set(handleNumber(1), registrationId(3));
      plugin.running(loadOf(next));
      return failedBy("gone");
    });
    expect(await invoke(call)).toMatchObject({ ok: true, value: "second" });
    expect(calls).toBe(1);
  });
});

describe("the admission limit", () => {
  test("bounds each sender and all together, and gives back what is left", () => {
    const limit = new AdmissionLimit(3, 2);
    expect([limit.enter("t", "a"), limit.enter("t", "a"), limit.enter("t", "a")]).toEqual([true, true, false]);
    expect([limit.enter("t", "b"), limit.enter("t", "c")]).toEqual([true, false]);
    expect(limit.enter("other", "c")).toBe(true);
    limit.leave("t", "a");
    expect([limit.enter("t", "c"), limit.enter("t", "a")]).toEqual([true, false]);
    limit.leave("t", "nobody");
    expect(limit.enter("t", "nobody")).toBe(false);
  });
});
