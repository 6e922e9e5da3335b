import { beforeEach, expect, test } from "bun:test";
import { ok } from "../../src/errors.ts";
import { handleNumber } from "../../src/ids.ts";
import { Admission } from "../../src/plugins/approval/admission.ts";
import type { Approval, Candidate } from "../../src/plugins/plugin/candidate.ts";
import { Plugin } from "../../src/plugins/plugin/plugin.ts";
import { FakeClock } from "../fake-clock.ts";
import { grantedSet, instanceOf, manifestOf, runningPlugin } from "./support.ts";

const candidate: Candidate = { name: "mine", manifest: manifestOf(), bundled: false, path: "/p/mine" };
const waits: Approval = { state: "awaiting", reason: "asks for secrets", added: ["secrets"], removed: [] };

let plugin: Plugin;
let judged: Map<Candidate, Approval>;
let decision: "enabled" | "disabled" | null;
let disabledByConfig: string | null;
let found: readonly Candidate[];
let accepted: string[];
let admission: Admission;

beforeEach(() => {
  [judged, decision, disabledByConfig, found, accepted] = [new Map(), null, null, [], []];
  plugin = new Plugin(candidate, {
    clock: new FakeClock(),
    limits: () => ({ max_failures: 3, max_restarts: 3, backoff_s: 1, backoff_max_s: 60, reset_after: 10 }),
    nextHandle: () => handleNumber(1),
    onMove: () => undefined,
    onIllegal: () => undefined,
  });
  admission = new Admission({
    approvals: {
      hash: () => "shown",
      judge: (each) => judged.get(each) ?? { state: "accepted" },
      accept: (each, by) => {
        accepted.push(`${by} ${each.path}`);
        return ok(null);
      },
      open: () => grantedSet([]).capabilitySet,
    },
    decisions: { get: () => decision, set: () => undefined, forget: () => undefined },
    discover: async () => ({ candidates: found, unusable: [] }),
    disabledByConfig: () => disabledByConfig,
  });
});

test("what is accepted and not disabled may start", () => {
  expect(admission.mayStart(plugin)).toBe(true);
  expect(plugin.state).toBe("discovered");
});

test("what waits for the operator does not start, and its state says for what", () => {
  judged.set(candidate, waits);
  expect(admission.mayStart(plugin)).toBe(false);
  expect(plugin.status).toMatchObject({ state: "awaiting_approval", reason: "asks for secrets" });
});

test("what has failed does not start by itself", () => {
  plugin.failed("its folder is broken");
  expect(admission.mayStart(plugin)).toBe(false);
  expect(plugin.status.reason).toBe("its folder is broken");
});

test("a decision to enable wins over the file; otherwise either of them keeps it stopped", () => {
  disabledByConfig = "disabled in the configuration";
  expect(admission.refused("mine")).toBe("disabled in the configuration");
  expect(admission.mayStart(plugin)).toBe(false);
  expect(plugin.status).toMatchObject({ state: "disabled", disabledBy: "operator" });
  decision = "enabled";
  expect(admission.refused("mine")).toBeNull();
  [decision, disabledByConfig] = ["disabled", null];
  expect(admission.refused("mine")).toBe("disabled by the operator");
  decision = null;
  expect(admission.refused("mine")).toBeNull();
});

test("only the permission set that was shown is accepted", () => {
  expect(admission.accept(plugin, "another", "anna")).toMatchObject({
    ok: false,
    error: { code: "conflict", data: { permission_hash: "shown" } },
  });
  expect(admission.accept(plugin, undefined, "anna").ok).toBe(true);
  expect(accepted).toEqual([]);
  expect(admission.accept(plugin, "shown", "anna").ok).toBe(true);
  expect(accepted).toEqual(["anna /p/mine"]);
});

test("a found version that asks for more waits, while the accepted one stays; any other is taken", async () => {
  const next = { ...candidate, manifest: manifestOf({ version: "2.0.0" }) };
  found = [next];
  judged.set(next, waits);
  await admission.lookAgain(plugin);
  expect([plugin.candidate, plugin.next]).toEqual([candidate, next]);
  judged.set(candidate, waits);
  await admission.lookAgain(plugin);
  expect([plugin.candidate, plugin.next]).toEqual([next, null]);
  judged.clear();
  found = [candidate];
  await admission.lookAgain(plugin);
  expect(plugin.candidate).toBe(candidate);
});

test("a running plugin keeps its version", async () => {
  const running = runningPlugin(instanceOf(grantedSet([]).capabilitySet));
  const before = running.candidate;
  found = [{ ...candidate, manifest: manifestOf({ version: "2.0.0" }) }];
  await admission.lookAgain(running);
  expect(running.candidate).toBe(before);
});
