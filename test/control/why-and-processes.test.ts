/** The call that `permission why` asks about, by its subject; and what the gateway's processes use. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { databaseBytes, processFamilies, processUse } from "../../src/control/processes.ts";
import { explain } from "../../src/control/why.ts";
import type { Ask, PermissionName } from "../../src/permissions/grammar/types.ts";

const folder = mkdtempSync(join(tmpdir(), "processes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function askedFor(permission: PermissionName, subject: string | undefined): Ask | null {
  let asked: Ask | null = null;
  explain(
    {
      states: () => ({ granted: [], denied: [], requested: [] }),
      explainRule(ask) {
        asked = ask;
        return { allowed: true, rule: "r", cause: "granted" as const };
      },
    },
    permission,
    subject,
  );
  return asked;
}

const http = { permission: "http_requests", method: "GET", isPrivate: false } as const;
test.each<[PermissionName, string | undefined, unknown]>([
  ["http_requests", "http://a.org/x", { ...http, host: "a.org", port: 80, secure: false }],
  ["http_requests", "a.org:8443", { ...http, host: "a.org", port: 8443, secure: true }],
  ["http_requests", "http://a.org:8080", { ...http, host: "a.org", port: 8080, secure: false }],
  ["http_requests", "A.ORG", { ...http, host: "a.org", port: 443, secure: true }],
  ["schedule_tasks", "60", { permission: "schedule_tasks", intervalS: 60 }],
  ["region", "news", { permission: "region", topic: "news" }],
  ["secrets", "key", { permission: "secrets", secret: "key" }],
  ["database_access", undefined, { permission: "database_access" }],
])("why %s %s", (permission, subject, ask) => {
  expect(askedFor(permission, subject)).toEqual(ask as Ask);
});

test("without a subject a permission that needs one is not asked about", () => {
  for (const permission of ["http_requests", "send_messages", "secrets"] as const) expect(askedFor(permission, undefined)).toBeNull();
});

test.skipIf(process.platform !== "linux")(
  "a host process is read from /proc as this process knows itself; one that is gone counts nothing",
  () => {
    // Time in the kernel counts, too.
    while (process.cpuUsage().system < 700_000) statSync(folder);
    const [gateway, host] = processUse([process.pid, 2 ** 22 + 1]);
    expect([gateway?.process, host?.process]).toEqual(["gateway", "plugin_host"]);
    expect(Math.abs((gateway?.cpuSeconds ?? 0) - (host?.cpuSeconds ?? 9))).toBeLessThan(0.3);
    const twice = processUse([process.pid, process.pid])[1];
    expect((twice?.rssBytes ?? 0) / (host?.rssBytes ?? 1)).toBeGreaterThan(1.5);
    expect(processUse([])[1]).toEqual({ process: "plugin_host", rssBytes: 0, cpuSeconds: 0 });
    expect((gateway?.rssBytes ?? 0) / (host?.rssBytes ?? 1)).toBeGreaterThan(0.5);
  },
);

test("the database counts with its write-ahead log, as far as they are there", () => {
  const path = join(folder, "gateway.db");
  expect(databaseBytes(path)).toBe(0);
  writeFileSync(path, "12345");
  expect(databaseBytes(path)).toBe(5);
  writeFileSync(`${path}-wal`, "123");
  expect(databaseBytes(path)).toBe(8);
});

test("families of processes", () => {
  const families = processFamilies([
    { process: "gateway", rssBytes: 10, cpuSeconds: 1.5 },
    { process: "plugin_host", rssBytes: 20, cpuSeconds: 2.5 },
  ]);
  expect(families.map(({ name, type, samples }) => [name, type, samples.map(({ labels, value }) => `${labels.process} ${value}`)])).toEqual(
    [
      ["zephyrgate_process_resident_memory_bytes", "gauge", ["gateway 10", "plugin_host 20"]],
      ["zephyrgate_process_cpu_seconds_total", "counter", ["gateway 1.5", "plugin_host 2.5"]],
    ],
  );
});
