import { describe, expect, test } from "bun:test";
import { explain } from "../../src/control/why.ts";
import type { PermissionStates } from "../../src/permissions/grammar/types.ts";

const NONE: PermissionStates = { granted: [], denied: [], requested: [] };

function of(states: Partial<PermissionStates>) {
  const asked: unknown[] = [];
  const capabilities = {
    states: () => ({ ...NONE, ...states }),
    explainRule: (ask: unknown) => {
      asked.push(ask);
      return { allowed: true, rule: "granted: one", cause: "granted" as const };
    },
  };
  return { asked, explain: (...args: [Parameters<typeof explain>[1], string?]) => explain(capabilities, args[0], args[1]) };
}

describe("without a subject", () => {
  test("all that is granted and denied is listed, with how to ask about one", () => {
    const granted = [{ http_requests: { hosts: ["a.example", "b.example"] } }, "send_messages"] as const;
    const { explain: ask, asked } = of({ granted, requested: granted, denied: [{ http_requests: { hosts: ["c.example"] } }] });
    expect(ask("http_requests")).toEqual({
      allowed: true,
      rule: "granted: http_requests(hosts=[a.example, b.example]); denied: http_requests(hosts=[c.example])",
      hint: "name a host to ask about one",
    });
    expect(ask("send_messages")).toMatchObject({ allowed: true, rule: "granted: send_messages" });
    expect(ask("secrets")).toEqual({ allowed: false, rule: "not requested in the manifest" });
    expect(asked).toEqual([]);
  });

  test("what only waits or only is denied is not allowed", () => {
    expect(of({ requested: ["secrets"] }).explain("secrets")).toEqual({
      allowed: false,
      rule: "requested, and not accepted by the operator",
    });
    expect(of({ requested: ["secrets"], denied: ["secrets"] }).explain("secrets")).toMatchObject({
      allowed: false,
      rule: "denied: secrets",
    });
  });
});

test("with a subject, or for a permission that has none, the rule is that of one call", () => {
  const { explain: ask, asked } = of({ granted: ["http_requests"] });
  for (const [permission, subject] of [
    ["http_requests", "http://a.example:81/x"],
    ["database_access", undefined],
    ["secrets", "key"],
    ["schedule_tasks", "60"],
  ] as const)
    expect(ask(permission, subject)).toEqual({ allowed: true, rule: "granted: one" });
  expect(asked).toEqual([
    { permission: "http_requests", method: "GET", host: "a.example", port: 81, secure: false, isPrivate: false },
    { permission: "database_access" },
    { permission: "secrets", secret: "key" },
    { permission: "schedule_tasks", intervalS: 60 },
  ]);
});
