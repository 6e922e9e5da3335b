import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { splitText } from "../../src/mesh/codec/text.ts";

/** The long suites ask for 100. */
const RUNS = Number(process.env.KILLS ?? 10);

test("killed at any moment and started again, no queued message is lost and none goes under two packet ids", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zephyrgate-kill-"));
  const run = async (number: number, mode: string, killAfterMs: number | null) => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "outbox-child.ts"), folder, String(number), mode], {
      stdout: "pipe",
      stderr: "inherit",
    });
    await child.stdout.getReader().read();
    if (killAfterMs !== null) {
      await Bun.sleep(killAfterMs);
      child.kill("SIGKILL");
    }
    const code = await child.exited;
    if (killAfterMs === null) expect(code).toBe(0);
  };
  for (let i = 0; i < RUNS; i++) await run(i, "kill", 20 + Math.random() * 150);
  await run(RUNS, "drain", null);

  const lines = (name: string) =>
    readFileSync(join(folder, name), "utf8")
      .split("\n")
      .filter((line) => line !== "");
  const idsOf = new Map<string, Set<number>>();
  for (const line of lines("air")) {
    const [id, part] = JSON.parse(line) as [number, string];
    idsOf.set(part, (idsOf.get(part) ?? new Set()).add(id));
  }
  const accepted = lines("accepted");
  expect(accepted.length).toBeGreaterThan(RUNS * 2);
  expect(accepted.flatMap((content) => splitText(content)).filter((part) => !idsOf.has(part))).toEqual([]);
  // The first part of a long text alone names its message; the others carry nothing but x.
  expect([...idsOf].filter(([part, ids]) => part.includes("run") && ids.size > 1)).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
}, 3_600_000);
