/** An error in the gateway that nobody caught ends it: in order, with a line, an alert and a code that says so. */
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answering, descendantsOf, FROM_SOURCE, Gateway, isAlive, type PluginFiles } from "./harness.ts";

const folder = mkdtempSync(join(tmpdir(), "zg-uncaught-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HANGS = `import { Plugin } from "zephyrgate";
export default class Hanging extends Plugin {
  override stop() { return new Promise<void>(() => undefined); }
  override cleanup() { return new Promise<void>(() => undefined); }
}
`;
const [bun = "", main = ""] = FROM_SOURCE;
const operators = 'operators: ["!00000003"]\nplugins: { paths: PATHS, enabled_plugins: [hello] }\n';

/** The gateway, in which `code` runs as soon as the file `trigger` appears. */
async function startWith(
  name: string,
  code: string,
  plugins: Readonly<Record<string, PluginFiles>> = { hello: answering("hello", "hi") },
): Promise<{ gateway: Gateway; pull: () => void }> {
  const [preload, trigger] = [join(folder, `${name}.ts`), join(folder, name)];
  const look = `import { existsSync } from "node:fs"; const timer = setInterval(() => { if (existsSync(${JSON.stringify(trigger)})) { clearInterval(timer); ${code} } }, 20); timer.unref();`;
  writeFileSync(preload, look);
  const gateway = await Gateway.start({
    command: [bun, "--preload", preload, main],
    plugins,
    config: operators,
  });
  return { gateway, pull: () => writeFileSync(trigger, "") };
}

for (const [name, code] of [
  ["exception", 'setTimeout(() => { throw new Error("broken by s3cr3t-v4lue"); }, 0);'],
  ["rejection", 'Promise.reject(new Error("broken by s3cr3t-v4lue"));'],
] as const) {
  test(`an uncaught ${name}`, async () => {
    const { gateway, pull } = await startWith(name, code);
    expect((await gateway.api("PUT", "/plugins/hello/secrets/key", { value: "s3cr3t-v4lue" })).status).toBeLessThan(300);
    const hosts = descendantsOf(gateway.process.pid);
    pull();
    const exitCode = await gateway.process.exited;
    await gateway.end("SIGKILL");
    expect(exitCode).toBe(1);
    expect(gateway.output).toMatch(/ERROR.*an error that nobody caught/);
    expect(gateway.output).toContain("broken by");
    expect(gateway.output).not.toContain("s3cr3t-v4lue");
    expect(gateway.output).toContain("stopped");
    expect(hosts.filter(isAlive)).toEqual([]);
    // It counts as a crash.
    expect(existsSync(join(gateway.dir, "data/starts.json"))).toBe(true);
    const again = await Gateway.start({ dir: gateway.dir, plugins: {} });
    expect((await again.messages()).map(({ text }) => text)).toContainEqual(
      expect.stringContaining("the gateway ends after an error of its own"),
    );
    await again.stop();
  }, 120_000);
}

test("plugins whose stop hangs do not keep it", async () => {
  const hanging = { manifest: "", code: HANGS };
  const { gateway, pull } = await startWith("hanging", 'throw new Error("first");', { hello: hanging });
  pull();
  const started = performance.now();
  expect(await gateway.process.exited).toBe(1);
  // Two seconds, on a machine that is busy with other things.
  expect(performance.now() - started).toBeLessThan(10_000);
  await gateway.end("SIGKILL");
  expect(gateway.output).toContain("not everything stopped in time; ending anyway");
  rmSync(gateway.dir, { recursive: true, force: true });
}, 120_000);
