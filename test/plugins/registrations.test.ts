import { beforeEach, describe, expect, test } from "bun:test";
import { fail, ok, type Result } from "../../src/errors.ts";
import { type Handle, handleNumber, registrationId } from "../../src/ids.ts";
import type { Registrar } from "../../src/plugins/registrations/registrar.ts";
import type { CheckedRegistration } from "../../src/plugins/registrations/registration.ts";
import { Handles, MAX_REGISTERED_CHARS, MAX_REGISTRATIONS, Registrations } from "../../src/plugins/registrations/registrations.ts";

const FACTS = { mayOverride: false };
const command = (id: number, name: string): CheckedRegistration => ({ kind: "command", id: registrationId(id), name });
const message = (id: number): CheckedRegistration => ({ kind: "message", id: registrationId(id) });

/** A registrar that writes down what it holds, and refuses the names it is told to. */
class Recorder implements Registrar {
  readonly held = new Set<Handle>();
  refuseCheck = "";
  refuseAdd = "";

  check(_plugin: string, registration: CheckedRegistration): Result<null> {
    return registration.kind === "command" && registration.name === this.refuseCheck ? fail("conflict", "taken") : ok(null);
  }

  add(_plugin: string, handle: Handle, registration: CheckedRegistration): Result<null> {
    if (registration.kind === "command" && registration.name === this.refuseAdd) return fail("conflict", "taken");
    this.held.add(handle);
    return ok(null);
  }

  remove(_plugin: string, handle: Handle): void {
    this.held.delete(handle);
  }
}

let recorder: Recorder;
let handles: Handles;
const load = () => new Registrations("mine", handles, (kind) => (kind === "plugin_message" ? null : recorder));
const handleOf = (result: Result<Handle>) => {
  if (!result.ok) throw result.error;
  return result.value;
};

beforeEach(() => {
  let last = 0;
  recorder = new Recorder();
  handles = new Handles(() => {
    last += 1;
    return handleNumber(last);
  });
});

describe("before and after commit", () => {
  test("nothing is visible until commit; after it each change is, at once", () => {
    const registrations = load();
    const hello = handleOf(registrations.add(command(1, "hello"), FACTS));
    expect([registrations.isCommitted, recorder.held.size]).toEqual([false, 0]);
    expect(registrations.commit(null).ok).toBe(true);
    expect([registrations.isCommitted, [...recorder.held]]).toEqual([true, [hello]]);
    const bye = handleOf(registrations.add(command(2, "bye"), FACTS));
    expect([...recorder.held]).toEqual([hello, bye]);
    expect(registrations.dispose(registrationId(1))?.handle).toBe(hello);
    expect(registrations.dispose(registrationId(1))).toBeNull();
    expect([...recorder.held]).toEqual([bye]);
    registrations.withdraw();
    expect([registrations.isCommitted, recorder.held.size, registrations.count()]).toEqual([false, 0, 1]);
    registrations.commit(null);
    expect([...recorder.held]).toEqual([bye]);
    registrations.clear();
    expect([recorder.held.size, registrations.count()]).toEqual([0, 0]);
  });

  test("a new load takes the place of the old one under the same handles", () => {
    const [old, next] = [load(), load()];
    const before = [handleOf(old.add(command(1, "hello"), FACTS)), handleOf(old.add(message(2), FACTS))];
    old.commit(null);
    const after = [handleOf(next.add(command(7, "HELLO"), FACTS)), handleOf(next.add(message(8), FACTS))];
    expect(after).toEqual(before);
    expect(next.commit(old).ok).toBe(true);
    expect([old.isCommitted, [...recorder.held]]).toEqual([false, before]);
  });

  test("the first refusal at commit leaves nothing of this load behind", () => {
    const registrations = load();
    registrations.add(command(1, "hello"), FACTS);
    registrations.add(command(2, "taken"), FACTS);
    recorder.refuseAdd = "taken";
    expect(registrations.commit(null)).toMatchObject({ ok: false, error: { code: "conflict" } });
    expect([registrations.isCommitted, recorder.held.size]).toEqual([false, 0]);
  });

  test("what start registered is taken away before start runs again", () => {
    const registrations = load();
    const first = handleOf(registrations.add(command(1, "first"), FACTS));
    registrations.phase = "start";
    registrations.add(command(2, "second"), FACTS);
    registrations.phase = "running";
    registrations.add(command(3, "third"), FACTS);
    registrations.commit(null);
    registrations.forgetStart();
    expect([...recorder.held]).toEqual([first]);
  });
});

describe("refusals", () => {
  test("the same id, the same name in any case, and what the registrar refuses; nothing is kept of them", () => {
    const registrations = load();
    registrations.add(command(1, "hello"), FACTS);
    recorder.refuseCheck = "taken";
    for (const refused of [command(1, "other"), command(2, "Hello"), command(3, "taken")]) {
      expect(registrations.add(refused, FACTS)).toMatchObject({ ok: false, error: { code: "conflict" } });
    }
    registrations.commit(null);
    recorder.refuseAdd = "late";
    expect(registrations.add(command(4, "late"), FACTS).ok).toBe(false);
    expect([registrations.count(), registrations.counts()]).toEqual([1, { command: 1 }]);
    registrations.dispose(registrationId(1));
    expect(registrations.add(command(5, "hello"), FACTS).ok).toBe(true);
  });

  test("handlers without a name may stand side by side, each with a handle of its own", () => {
    const registrations = load();
    const all = [1, 2, 3].map((id) => handleOf(registrations.add(message(id), FACTS)));
    expect(new Set(all).size).toBe(3);
    expect(registrations.count("message")).toBe(3);
  });

  test("one kind is bounded, and does not use up another's room", () => {
    const registrations = load();
    for (let id = 1; id <= MAX_REGISTRATIONS; id++) expect(registrations.add(message(id), FACTS).ok).toBe(true);
    expect(registrations.add(message(MAX_REGISTRATIONS + 1), FACTS)).toMatchObject({ ok: false, error: { code: "quota_exceeded" } });
    expect(registrations.add(command(MAX_REGISTRATIONS + 2, "hello"), FACTS).ok).toBe(true);
  });
});

describe("nothing is kept of what was taken back", () => {
  const peer = (id: number): CheckedRegistration => ({ kind: "plugin_message", id: registrationId(id) });
  const event = (id: number): CheckedRegistration => ({ kind: "event", id: registrationId(id), type: `custom.${id}` });

  test("a loop of registering and disposing leaves no number behind, of any kind", () => {
    const registrations = load();
    registrations.commit(null);
    for (let id = 1; id <= 3000; id++) {
      for (const make of [peer, event, message, (at: number) => command(at, `c${at}`)]) {
        handleOf(registrations.add(make(id), FACTS));
        registrations.dispose(registrationId(id));
      }
    }
    expect([handles.size, registrations.count(), recorder.held.size]).toEqual([0, 0, 0]);
  });

  test("the first free number is taken again, so that the others keep theirs", () => {
    const registrations = load();
    const [first, second] = [handleOf(registrations.add(peer(1), FACTS)), handleOf(registrations.add(peer(2), FACTS))];
    registrations.dispose(registrationId(1));
    const third = handleOf(registrations.add(peer(3), FACTS));
    expect(new Set([first, second, third]).size).toBe(3);
    const next = load();
    expect([handleOf(next.add(peer(1), FACTS)), handleOf(next.add(peer(2), FACTS))]).toEqual([third, second]);
  });

  test("the texts of all registrations together are bounded, and taking one back gives room", () => {
    const registrations = load();
    const long = (id: number): CheckedRegistration => ({
      kind: "command",
      id: registrationId(id),
      name: `c${id}`,
      help: "h".repeat(990),
      usage: "u".repeat(990),
    });
    const results = Array.from({ length: 150 }, (_, id) => registrations.add(long(id), FACTS));
    const taken = results.filter(({ ok: fits }) => fits).length;
    expect(taken * 2000).toBeLessThanOrEqual(MAX_REGISTERED_CHARS);
    expect(results.find(({ ok: fits }) => !fits)).toMatchObject({ error: { code: "quota_exceeded" } });
    registrations.dispose(registrationId(0));
    expect(registrations.add(long(1000), FACTS).ok).toBe(true);
  });
});
