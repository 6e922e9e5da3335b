import { afterEach, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Each verb is a process of its own, which takes seconds to start on a busy machine.
setDefaultTimeout(120_000);

const ROOT = join(import.meta.dir, "../..");
const MAIN = join(ROOT, "src/main.ts");
const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "zephyrgate-simulate-"));
  closing.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function start(cwd: string, argv: readonly string[]) {
  const child = Bun.spawn([process.execPath, MAIN, ...argv], {
    cwd,
    stdout: "pipe",
    stderr: "pipe",
    env: { HOME: cwd, PATH: process.env.PATH ?? "" },
  });
  closing.push(() => child.kill("SIGKILL"));
  return child;
}

/** Reads on until the text is there. */
async function until(stream: ReadableStream<Uint8Array>, wanted: RegExp): Promise<RegExpMatchArray> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const found = text.match(wanted);
    if (found !== null) {
      reader.releaseLock();
      return found;
    }
    const { value, done } = await reader.read();
    if (done) throw new Error(`it ended without ${wanted}: ${text}`);
    text += decoder.decode(value, { stream: true });
  }
}

async function ended(child: ReturnType<typeof start>): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { code: child.exitCode ?? -1, stdout, stderr };
}

test("simulate run with a plugin folder: two hours pass in seconds, and a failed expectation names its line", async () => {
  const cwd = folder();
  const script = [
    "- { say: hello, from: '!00000002' }",
    "- { expect: Hello Ridge, within_s: 10, to: '!00000002' }",
    "- { wait_s: 3600 }",
    "- { fail: { latency_s: 2 } }",
    "- { say: hello, from: '!00000003', after_s: 3600 }",
    "- { expect: Hello Harbour, within_s: 30 }",
  ];
  writeFileSync(join(cwd, "good.yaml"), script.join("\n"));
  writeFileSync(join(cwd, "bad.yaml"), [...script.slice(0, 2), "- { expect: never, within_s: 600 }"].join("\n"));
  const plugin = join(ROOT, "examples/hello_world");
  const good = await ended(start(cwd, ["simulate", "run", "good.yaml", plugin]));
  expect([good.code, good.stderr]).toEqual([0, expect.stringMatching(/all 6 steps passed, in 72\d\d s of virtual time/)]);
  const bad = await ended(start(cwd, ["simulate", "run", "bad.yaml", plugin]));
  expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('bad.yaml:3: expected "never" within 600 s')]);
});

test("simulate record writes what a node hears, and simulate serve --replay lets another hear it", async () => {
  const cwd = folder();
  const recording = { zephyrgate_recording: 1, own: "!00000001" };
  writeFileSync(join(cwd, "empty.jsonl"), `${JSON.stringify(recording)}\n`);
  const served = start(cwd, ["simulate", "serve", "--port", "0", "--nodes", "2", "--replay", "empty.jsonl"]);
  const [, port = ""] = await until(served.stdout, /127\.0\.0\.1:(\d+); press/);
  const recorder = start(cwd, ["simulate", "record", "--port", port, "out.jsonl"]);
  await until(recorder.stdout, /recording what/);
  const written = () => existsSync(join(cwd, "out.jsonl")) && readFileSync(join(cwd, "out.jsonl"), "utf8").includes("\n");
  for (let i = 0; i < 1_000 && !written(); i++) await Bun.sleep(20);
  recorder.kill("SIGINT");
  const [stderr] = await Promise.all([new Response(recorder.stderr).text(), recorder.exited]);
  expect([recorder.exitCode, stderr]).toEqual([0, "0 packets recorded\n"]);
  expect(JSON.parse(readFileSync(join(cwd, "out.jsonl"), "utf8"))).toEqual(recording);
  served.kill("SIGINT");
  const nobody = await ended(start(cwd, ["simulate", "record", "--port", "1", "out.jsonl"]));
  expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining("nobody answers at 127.0.0.1:1")]);
});
