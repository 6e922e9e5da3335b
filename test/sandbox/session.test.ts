/** The gateway's end of the bridge by itself: a host that the test plays, and a clock of the test. */
import { describe, expect, test } from "bun:test";
import type { BridgeEnd } from "../../src/bridge/bridge.ts";
import { encodeFrame, FrameDecoder } from "../../src/bridge/frame-codec.ts";
import { memoryStreams } from "../../src/bridge/memory-streams.ts";
import type { CallTarget } from "../../src/bridge/realm-spec.ts";
import { fail, ok } from "../../src/errors.ts";
import { Answers } from "../../src/sandbox/answers.ts";
import type { Realm, RealmEvents } from "../../src/sandbox/port.ts";
import { HostSession } from "../../src/sandbox/session.ts";
import { FakeClock, settle } from "../fake-clock.ts";
import { spec, watcher } from "./support.ts";

const HEALTH: CallTarget = { kind: "health" };
const error = { name: "E", message: "m" };
const usage = { realm: 1, cpuMs: 1, memoryBytes: 2, storageBytes: 3, storageCalls: 4, storageDenied: 5, timers: 6, queueDepth: 7 };

type Frame = { readonly t: string; readonly [key: string]: unknown };

function hosted() {
  const [near, far] = memoryStreams();
  const clock = new FakeClock();
  const ends: BridgeEnd[] = [];
  const heard: Frame[] = [];
  const decoder = new FrameDecoder();
  const session = new HostSession({ stream: near, clock, onEnd: (end) => ends.push(end) });
  session.start();
  far.start(
    (bytes) => {
      decoder.push(bytes);
      for (let body = decoder.next(); body instanceof Uint8Array; body = decoder.next())
        heard.push(JSON.parse(new TextDecoder().decode(body)));
    },
    () => {},
  );
  const say = async (...frames: Frame[]) => {
    for (const frame of frames) far.write(encodeFrame(JSON.stringify(frame)));
    await settle();
  };
  return { session, clock, ends, heard, say, far };
}

async function opened(events: RealmEvents = watcher().events) {
  const host = hosted();
  const opening = host.session.open(spec(""), events);
  await settle();
  await host.say({ t: "opened", realm: 1, error: null });
  const result = await opening;
  if (!result.ok) throw result.error;
  const realm: Realm = result.value;
  return { ...host, realm };
}

describe("opening a realm", () => {
  test("fails with the host's reason, and asks for its end", async () => {
    const { session, heard, say } = hosted();
    const opening = session.open(spec(""), watcher().events);
    await say({ t: "opened", realm: 1, error: { name: "LoadFailed", message: "bad", code: "nonsense", hint: "fix it", stack: "at 1" } });
    const result = await opening;
    expect(result.ok ? null : [result.error.code, result.error.message, result.error.hint, result.error.data]).toEqual([
      "load_failed",
      "LoadFailed: bad",
      "fix it",
      { stack: "at 1" },
    ]);
    await settle();
    expect(heard.map(({ t }) => t)).toEqual(["open", "close"]);
  });

  test("keeps a known code and the gateway's own words", async () => {
    const { session, say } = hosted();
    const opening = session.open(spec(""), watcher().events);
    await say({ t: "opened", realm: 1, error: { name: "PluginError", message: "too big", code: "too_large" } });
    const result = await opening;
    expect(result.ok ? null : [result.error.code, result.error.message]).toEqual(["too_large", "too big"]);
  });

  test("fails when the realm ends meanwhile, and after 20 s", async () => {
    const { session, say, clock } = hosted();
    const first = session.open(spec(""), watcher().events);
    await say({ t: "gone", realm: 1, reason: "memory", detail: "full" });
    expect((await first).ok).toBe(false);
    const second = session.open(spec(""), watcher().events);
    clock.pass(19_999);
    await settle();
    expect(clock.pending).toBe(1);
    clock.pass(1);
    const late = await second;
    expect(late.ok ? null : late.error.code).toBe("timeout");
  });
});

describe("calls", () => {
  test("have numbers from 1 on, and end with what the host answers, once", async () => {
    const { realm, heard, say } = await opened();
    const one = realm.call(HEALTH, [], 1000);
    const two = realm.call(HEALTH, ["x"], 1000);
    expect(realm.usage().queueDepth).toBe(2);
    await say(
      { t: "result", realm: 1, call: 2, outcome: { ok: true, value: "two", cpuMs: 1 } },
      { t: "result", realm: 1, call: 1, outcome: { ok: true, value: "one", cpuMs: 1 } },
      { t: "result", realm: 1, call: 1, outcome: { ok: true, value: "again", cpuMs: 1 } },
    );
    expect([one.id, two.id] as number[]).toEqual([1, 2]);
    expect([await one.outcome, await two.outcome]).toMatchObject([{ value: "one" }, { value: "two" }]);
    expect(heard.filter(({ t }) => t === "call").map(({ call, args }) => [call, args])).toEqual([
      [1, []],
      [2, ["x"]],
    ]);
    expect(realm.usage().queueDepth).toBe(0);
  });

  test("end by the gateway's own clock two seconds after their time", async () => {
    const { realm, clock } = await opened();
    const { outcome } = realm.call(HEALTH, [], 1000);
    let isOver = false;
    outcome.then(
      () => {
        isOver = true;
      },
      () => {},
    );
    clock.pass(2999);
    await settle();
    expect(isOver).toBe(false);
    clock.pass(1);
    expect(await outcome).toMatchObject({ ok: false, cause: "timeout", error: { message: "no answer within 1 s" } });
  });

  test("are refused at once when their arguments fit no frame, or the realm has ended", async () => {
    const { realm, say } = await opened();
    const large = await realm.call(HEALTH, ["x".repeat(300_000)], 1000).outcome;
    expect(large).toMatchObject({ ok: false, cause: "overloaded", error: { code: "too_large" } });
    await say({ t: "gone", realm: 1, reason: "memory", detail: "full" });
    expect(await realm.call(HEALTH, [], 1000).outcome).toMatchObject({ ok: false, cause: "gone" });
  });
});

describe("what the host sends", () => {
  test.each([
    ["a realm that was never opened", { t: "fault", realm: 2, error }],
    ["a realm that was never opened", { t: "fault", realm: 0, error }],
    ["a result of a call that was never made", { t: "result", realm: 1, call: 1, outcome: { ok: true, value: 1, cpuMs: 0 } }],
    ["a result of a call that was never made", { t: "result", realm: 1, call: 0, outcome: { ok: true, value: 1, cpuMs: 0 } }],
    ["an answer to no task", { t: "done", task: 1, outcome: { ok: true, value: 1 } }],
    ["a recording that nobody asked for", { t: "recorded", realm: 1, text: "x" }],
  ])("ends it with %s", async (detail, frame) => {
    const { ends, say } = await opened();
    await say(frame);
    expect(ends).toEqual([{ reason: "protocol", detail: expect.stringContaining(detail) }]);
  });

  test("a number twice among requests that wait, or too many of them", async () => {
    const never = watcher(() => new Promise(() => {}));
    const twice = await opened(never.events);
    const request = { t: "request", realm: 1, request: 5, operation: "x", args: null, token: null, call: null };
    await twice.say(request, request);
    expect(twice.ends[0]?.detail).toBe("two requests with one number");
    const many = await opened(never.events);
    await many.say(...Array.from({ length: 2048 }, (_, number) => ({ ...request, request: number })));
    expect(many.ends).toEqual([]);
    await many.say({ ...request, request: 9999 });
    expect(many.ends[0]?.detail).toBe("more than 2048 requests in flight");
  });

  test("a request's call is passed on only while that call is in flight, and its answer goes back once", async () => {
    const seen = watcher(() => ({ ok: true, value: "yes" }));
    const { realm, heard, say } = await opened(seen.events);
    const call = realm.call(HEALTH, [], 1000);
    const request = { t: "request", realm: 1, operation: "x", args: { a: 1 }, token: "secret" };
    await say({ ...request, request: 1, call: 1 }, { ...request, request: 2, call: 7 });
    expect(seen.requests.map(({ call, token, args }) => [call, token, args] as unknown)).toEqual([
      [call.id, "secret", { a: 1 }],
      [null, "secret", { a: 1 }],
    ]);
    expect(heard.filter(({ t }) => t === "answer").map(({ request, outcome }) => [request, outcome])).toContainEqual([
      1,
      { ok: true, value: "yes" },
    ]);
  });

  test("what the gateway could not carry out is an answer too, without its reason", async () => {
    const seen = watcher(() => Promise.reject(new TypeError("secret detail")));
    const { heard, say } = await opened(seen.events);
    await say({ t: "request", realm: 1, request: 1, operation: "x", args: null, token: null, call: null });
    const answer = heard.find(({ t }) => t === "answer");
    expect(answer?.outcome).toMatchObject({ ok: false, error: { code: "internal" } });
    expect(JSON.stringify(answer)).not.toContain("secret detail");
  });

  test("notices pass up to 300 a second, counted anew each second", async () => {
    const seen = watcher();
    const { clock, ends, say } = await opened(seen.events);
    const notices = Array.from({ length: 100 }, () => [
      { t: "log", realm: 1, level: "warn", message: "m", fields: {} },
      { t: "fault", realm: 1, error },
      { t: "strike", realm: 1, reason: "flood", detail: "d" },
    ]).flat();
    await say(...notices);
    clock.pass(1000);
    await say(...notices);
    expect(ends).toEqual([]);
    expect([seen.logs.length, seen.faults.length, seen.strikes.length]).toEqual([200, 200, 200]);
    await say({ t: "fault", realm: 1, error });
    expect(ends[0]?.detail).toContain("more than 300");
  });

  test("usage is kept, and decisions on storage are passed on as what was added", async () => {
    const added: number[][] = [];
    const { realm, say } = await opened({ ...watcher().events, storageUsed: (allowed, denied) => added.push([allowed, denied]) });
    await say({ t: "usage", realms: [usage] });
    await say({ t: "usage", realms: [usage] });
    await say({ t: "usage", realms: [{ ...usage, storageCalls: 10 }] });
    await say({ t: "usage", realms: [{ ...usage, storageCalls: 1, storageDenied: 6 }] });
    expect(added).toEqual([
      [4, 5],
      [6, 0],
      [0, 1],
    ]);
    expect(realm.usage()).toMatchObject({ cpuMs: 1, memoryBytes: 2, storageBytes: 3, timers: 6, queueDepth: 0 });
  });
});

describe("ends", () => {
  test("a realm's own end is told once; its calls end and its requests are aborted", async () => {
    const seen = watcher(() => new Promise(() => {}));
    const { realm, say } = await opened(seen.events);
    const call = realm.call(HEALTH, [], 1000);
    await say({ t: "request", realm: 1, request: 1, operation: "x", args: null, token: null, call: null });
    await say({ t: "gone", realm: 1, reason: "memory", detail: "full" }, { t: "gone", realm: 1, reason: "memory", detail: "again" });
    expect(await call.outcome).toMatchObject({ cause: "gone", error: { message: "full" } });
    expect(seen.gone).toEqual([{ reason: "memory", detail: "full" }]);
    expect(seen.requests[0]?.signal.aborted).toBe(true);
  });

  test("a close that the gateway asked for is told to nobody, and takes 2 s at most", async () => {
    const seen = watcher();
    const { realm, say, clock } = await opened(seen.events);
    const closing = realm.close();
    await say({ t: "gone", realm: 1, reason: "closed", detail: "closed" });
    await closing;
    await realm.close();
    expect([seen.gone, clock.pending]).toEqual([[], 0]);
    const stuck = await opened();
    const forced = stuck.realm.close();
    stuck.clock.pass(2000);
    await forced;
  });

  test("with the host every realm, call, opening and task ends, and later ones fail at once", async () => {
    const seen = watcher();
    const { session, realm, far, ends } = await opened(seen.events);
    const call = realm.call(HEALTH, [], 1000);
    const opening = session.open(spec(""), watcher().events);
    const task = session.backupDatabase("a", "b");
    far.close();
    await settle();
    expect(await call.outcome).toMatchObject({ cause: "gone" });
    for (const result of [await opening, await task, await session.open(spec(""), watcher().events), await session.releaseDatabase("a")]) {
      expect(result.ok ? null : result.error.code).toBe("host_gone");
    }
    expect(seen.gone).toEqual([{ reason: "host", detail: "the other side closed" }]);
    expect(ends).toHaveLength(1);
    await session.stop();
  });

  test("stopping asks the host, and forces it after 2 s", async () => {
    const { session, heard, clock, ends } = hosted();
    const stopping = session.stop();
    await settle();
    expect(heard).toEqual([{ t: "stop" }]);
    clock.pass(1999);
    await settle();
    expect(ends).toEqual([]);
    clock.pass(1);
    await stopping;
    expect(ends).toEqual([{ reason: "closed", detail: "closed" }]);
  });
});

test("a configuration's problems come back as texts, whatever the host puts in", async () => {
  const { session, say } = hosted();
  const first = session.validateConfig({}, {});
  await say({
    t: "done",
    task: 1,
    outcome: { ok: true, value: [{ path: "a.b", message: "wrong" }, { path: 3 }, null, "x", { path: { toString: 1 } }] },
  });
  expect(await first).toEqual(
    ok([
      { path: "a.b", message: "wrong" },
      { path: "3", message: "" },
      { path: "", message: "" },
      { path: "", message: "" },
      { path: "", message: "" },
    ]),
  );
  const second = session.validateConfig({}, {});
  await say({ t: "done", task: 2, outcome: { ok: true, value: "none" } });
  const answer = await second;
  expect(answer.ok ? null : answer.error.code).toBe("host_gone");
  const many = session.validateConfig({}, {});
  await say({ t: "done", task: 3, outcome: { ok: true, value: Array(300).fill({}) } });
  const bounded = await many;
  expect(bounded.ok ? bounded.value : []).toHaveLength(200);
});

test("an answer settles once, in time, and leaves no timer", async () => {
  const clock = new FakeClock();
  const answers = new Answers<number, string>({ clock, deadlineMs: 100, late: "too late" });
  const order: string[] = [];
  const one = answers.wait(1, () => order.push("asked"));
  const two = answers.wait(2, () => answers.settle(2, ok("at once")));
  answers.settle(3, ok("nobody asked"));
  answers.settle(1, ok("one"));
  answers.settle(1, fail("internal", "twice"));
  expect([await one, await two, order]).toEqual([ok("one"), ok("at once"), ["asked"]]);
  expect(clock.pending).toBe(0);
  const late = answers.wait(4, () => {});
  clock.pass(99);
  expect(clock.pending).toBe(1);
  clock.pass(1);
  const result = await late;
  expect(result.ok ? null : [result.error.code, result.error.message]).toEqual(["timeout", "too late"]);
  const rest = [answers.wait(5, () => {}), answers.wait(6, () => {})];
  answers.settleAll(fail("host_gone", "over"));
  expect((await Promise.all(rest)).map((each) => (each.ok ? null : each.error.code))).toEqual(["host_gone", "host_gone"]);
  expect(clock.pending).toBe(0);
});
