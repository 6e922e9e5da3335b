import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { Gateway, type PluginFiles } from "./harness.ts";

const good = (n: number): PluginFiles => ({
  manifest: `capabilities: { commands: [{ name: good${n} }] }\npermissions: [send_messages]\n`,
  code: `import { Plugin } from "zephyrgate"; export default class G extends Plugin { override initialize() { this.registerCommand("good${n}", () => "good ${n}"); } }`,
});
const NATIVE = "[].indexOf.call({ length: 9e15 } as never, 1 as never);";
const deadly = (where: "top" | "hook"): PluginFiles => ({
  code: `import { Plugin } from "zephyrgate"; ${where === "top" ? NATIVE : ""} export default class D extends Plugin { override initialize() { ${where === "hook" ? NATIVE : ""} } }`,
});

/** Plugin hosts that this gateway has. */
function hostsOf(pid: number): number {
  const children = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && parentOf(name) === pid);
  return children.filter((name) => cmdline(name).includes("__host")).length;
}

const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "");
const parentOf = (pid: string) => Number(/\) \S (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1] ?? 0);
const cmdline = (pid: string) => read(`/proc/${pid}/cmdline`);

test("plugins that kill the host while they load fail alone; the others start", async () => {
  const gateway = await Gateway.start({
    plugins: { good1: good(1), deadly_hook: deadly("hook"), deadly_top: deadly("top"), good2: good(2), good3: good(3) },
  });
  try {
    for (const n of [1, 2, 3]) expect(await gateway.state(`good${n}`)).toBe("running");
    for (const name of ["deadly_hook", "deadly_top"]) expect(await gateway.state(name)).toBe("failed");
    const pids = new Set<number>();
    const running = Object.entries(await gateway.states()).flatMap(([name, state]) => (state === "running" ? [name] : []));
    for (const name of running) pids.add((await gateway.api<{ host_pid: number }>("GET", `/plugins/${name}`)).body.host_pid);
    await gateway.until("the processes of those that failed are gone", () => hostsOf(gateway.process.pid) === pids.size);
    expect((await gateway.ask("good2", /^good/)).text).toBe("good 2");
  } finally {
    await gateway.stop();
  }
}, 120_000);
