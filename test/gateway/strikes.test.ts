import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { Gateway, type PluginFiles } from "./harness.ts";

/** One command whose handler does its worst, in a plugin of its own. */
function striker(command: string, body: string, more = ""): PluginFiles {
  return {
    manifest: `capabilities: { commands: [{ name: ${command} }] }\npermissions: [send_messages, schedule_tasks]\n`,
    code: `import { Plugin } from "zephyrgate";
${more}
export default class Striker extends Plugin {
  override initialize() { this.registerCommand(${JSON.stringify(command)}, this.strike, { help: "strikes" }); }
  async strike(): Promise<string | undefined> { ${body} }
}
`,
  };
}

const STRIKES: Readonly<Record<string, PluginFiles>> = {
  endless_loop: striker("endless_loop", "while (true) {}"),
  native_loop: striker("native_loop", "return String([].indexOf.call({ length: 9e15 } as never, 1 as never));"),
  endless_memory: striker("endless_memory", "const kept: unknown[] = []; while (true) kept.push(new Array(1000).fill(kept.length));"),
  many_arrays: striker(
    "many_arrays",
    "for (let i = 0; i < 5000; i++) kept.push(new Uint8Array(65536).fill(i)); return String(kept.length);",
    "const kept: Uint8Array[] = [];",
  ),
  timer_chains: striker(
    "timer_chains",
    `for (let n = 0; n < 10; n++) { const again = () => { const end = Date.now() + 90; while (Date.now() < end); setTimeout(again, 10); }; setTimeout(again, 10); } return "started";`,
  ),
  never_settles: striker("never_settles", "await new Promise(() => {}); return undefined;"),
  throws_everywhere: striker(
    "throws_everywhere",
    `setTimeout(() => { throw new Error("timer"); }, 10); void Promise.reject(new Error("rejected")); queueMicrotask(() => { throw new Error("microtask"); }); throw new Error("handler");`,
  ),
};

let gateway: Gateway;

beforeAll(async () => {
  gateway = await Gateway.start({
    paths: [join(import.meta.dir, "../../examples")],
    plugins: STRIKES,
    config: `plugins: { paths: PATHS, enabled_plugins: [hello_world, ${Object.keys(STRIKES).join(", ")}] }\n`,
  });
}, 120_000);

afterAll(async () => {
  await gateway?.stop();
});

test("hello_world answers before anything strikes", async () => {
  const answer = await gateway.ask("hello", /^Hello /);
  expect(answer.text).toMatch(/^Hello .+!$/);
});

for (const name of Object.keys(STRIKES)) {
  test(`hello_world keeps answering while ${name} strikes`, async () => {
    await gateway.say(name, { from: "!00000003" });
    await Bun.sleep(200);
    // Within two seconds of the strike; the factor of five is for a loaded machine. Queued is enough: spacing is the radio's.
    const { ms } = await gateway.ask("hello", /^Hello /, 10_000);
    expect(ms).toBeLessThan(10_000);
  }, 120_000);
}

test("all of them struck, and the gateway says so", async () => {
  for (const wall of ["native_loop", "endless_memory", "many_arrays"]) expect(gateway.output).toContain(wall);
  expect(gateway.process.exitCode).toBeNull();
});

test("it stops in an orderly way within five seconds, whatever plugins do", async () => {
  await gateway.say("never_settles", { from: "!00000003" });
  expect(await gateway.stop()).toBeLessThan(20_000);
}, 120_000);
