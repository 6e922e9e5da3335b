import { expect, test } from "bun:test";
import { metricsText } from "../../src/control/metrics.ts";
import { LINK, summary } from "../api/fake-control.ts";
import { serve } from "../api/serve.ts";

const PROMTOOL = Bun.which("promtool");
if (PROMTOOL === null) console.warn("skipped: promtool check metrics (no promtool here; on Debian: apt-get install prometheus)");

const facts = metricsText({
  version: "1.0.0",
  startedAt: 1,
  links: [{ ...LINK, channelUtilization: 0.1 }],
  outbox: {
    queued: 0,
    sent: 1,
    delivered: 0,
    failed: 0,
    oldest_queued_s: null,
    airtime: { total_s: 0, plugins: {}, channels: {}, links: {} },
  },
  plugins: [{ name: "ping", state: "running", metrics: summary("ping").metrics }],
  staleTexts: 0,
  nodes: 3,
  safeMode: false,
  disk: { isWritable: true, freeBytes: 1 },
  walls: [{ wall: "seccomp", stands: true }],
  alerts: { open: [{ code: 'disk"full\n', acknowledged_at: null }], raised: new Map([['disk"full\n', 2]]), dropped: 0 },
});

/** The gateway's metrics and those of the API itself. */
async function all(): Promise<string> {
  const api = serve();
  await api.call("/health/live");
  const own = await (await api.call("/metrics")).text();
  await api.close();
  return facts + own;
}

test("every family of metrics has its help and its type, once, before its samples", async () => {
  const text = await all();
  const described = new Set<string>();
  const lines = text.trimEnd().split("\n");
  for (const [at, line] of lines.entries()) {
    const [, help] = /^# HELP (\w+) \S/.exec(line) ?? [];
    if (help !== undefined) {
      expect(lines[at + 1]).toMatch(new RegExp(`^# TYPE ${help} (?:gauge|counter)$`));
      expect(described.has(help)).toBe(false);
      described.add(help);
    } else if (!line.startsWith("#")) expect(described).toContain(/^\w+/.exec(line)?.[0] ?? line);
  }
  expect(described.size).toBeGreaterThan(30);
  expect(text).toContain('zephyrgate_alerts{code="disk\\"full\\n"} 1');
});

test.skipIf(PROMTOOL === null)("promtool finds nothing wrong", async () => {
  const child = Bun.spawn([PROMTOOL ?? "", "check", "metrics"], { stdin: new Blob([await all()]), stdout: "pipe", stderr: "pipe" });
  const said = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect([await child.exited, ...said]).toEqual([0, "", ""]);
});
