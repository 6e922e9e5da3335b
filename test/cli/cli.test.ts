import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { HASH, summary } from "../api/fake-control.ts";
import { serve } from "../api/serve.ts";

// Each verb is a process of its own, which takes seconds to start on a busy machine.
setDefaultTimeout(120_000);

const MAIN = join(import.meta.dir, "../../src/main.ts");

let api: ReturnType<typeof serve>;
let folder = "";
beforeAll(() => {
  api = serve();
  folder = mkdtempSync(join(tmpdir(), "cli-"));
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The real process, against the served fake. */
async function run(argv: readonly string[], options: { stdin?: string; elsewhere?: boolean } = {}) {
  const flags = options.elsewhere === true ? [] : ["--data-dir", api.dataDir, "--port", String(api.port)];
  const child = Bun.spawn([process.execPath, MAIN, ...argv, ...flags], {
    cwd: folder,
    stdin: new TextEncoder().encode(options.stdin ?? ""),
    stdout: "pipe",
    stderr: "pipe",
    // A proxy that is not there: the way to the gateway must not lead over one.
    env: { HOME: folder, PATH: process.env.PATH ?? "", HTTP_PROXY: "http://127.0.0.1:9" },
  });
  const [stdout, stderr, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { stdout, stderr, code };
}

describe("usage", () => {
  test("no verb, a wrong one, a wrong flag, too little, too much: usage on standard error, exit 2", async () => {
    const wrong: [string[], string][] = [
      [[], "usage: zephyrgate VERB"],
      [["statu"], "did you mean status?"],
      [["plugin"], "plugin what?"],
      [["plugin", "enabel", "x"], "unknown verb 'enabel'; did you mean enable?"],
      [["plugin", "list", "--jsn"], "unknown option '--jsn'; did you mean --json?"],
      [["plugin", "enable"], "usage: zephyrgate plugin enable [options] <NAME>"],
      [["status", "now"], "too many arguments"],
      [["simulate", "say", "hello"], "required option '--from <NODE>' not specified"],
      [["status", "--config"], "option '--config <FILE>' argument missing"],
      [["status", "--json=1"], "unknown option '--json=1'"],
    ];
    const results = await Promise.all(wrong.map(([argv]) => run(argv, { elsewhere: true })));
    for (const [i, [argv, said]] of wrong.entries()) {
      expect([argv, results[i]?.code, results[i]?.stdout]).toEqual([argv, 2, ""]);
      expect(results[i]?.stderr).toContain(said);
      expect(results[i]?.stderr).toContain("usage: zephyrgate");
    }
  });

  test("help and version", async () => {
    expect(await run(["--version"], { elsewhere: true })).toMatchObject({ code: 0, stdout: "zephyrgate 0.1.0\n" });
    const help = await run(["plugin", "enable", "--help"], { elsewhere: true });
    expect([help.code, help.stderr]).toEqual([0, ""]);
    expect(help.stdout).toStartWith(
      "usage: zephyrgate plugin enable [options] <NAME>\n\nshow what a plugin asks for, accept it, and start it\n",
    );
    expect((await run(["--help"], { elsewhere: true })).stdout).toMatch(/^ {2}simulate .*say/m);
  });

  test("no gateway, a broken configuration, a stranger on the port: one clear line, and an exit code of its own", async () => {
    const none = await run(["status"], { elsewhere: true });
    expect([none.code, none.stdout, none.stderr.split("\n").length]).toEqual([3, "", 2]);
    expect(none.stderr).toStartWith("zephyrgate: no gateway has run with the data folder ");
    writeFileSync(join(folder, "broken.yaml"), "api: { prot: 9000 }\n");
    const broken = await run(["status", "--config", "broken.yaml"], { elsewhere: true });
    expect([broken.code, broken.stderr]).toEqual([78, expect.stringContaining("did you mean port?")]);
    const stopped = await run(["status", "--data-dir", api.dataDir, "--port", "1"], { elsewhere: true });
    expect([stopped.code, stopped.stderr]).toEqual([
      3,
      expect.stringContaining("no gateway is running at http://127.0.0.1:1 (start it with"),
    ]);
    const stranger = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("<html>") });
    const odd = await run(["status", "--data-dir", api.dataDir, "--port", String(stranger.port)], { elsewhere: true });
    await stranger.stop(true);
    expect([odd.code, odd.stderr]).toEqual([1, expect.stringContaining("is not a gateway of this version")]);
  });

  test("a port that was left to the system is found by the note in the data folder; a note that is rubbish is none", async () => {
    const note = join(api.dataDir, "api-address");
    writeFileSync(note, `http://127.0.0.1:${api.port}\n`);
    const found = await run(["status", "--data-dir", api.dataDir, "--port", "0"], { elsewhere: true });
    expect([found.stderr, found.stdout.slice(0, 10)]).toEqual(["", "zephyrgate"]);
    writeFileSync(note, "http://192.0.2.1:x\n");
    const none = await run(["status", "--data-dir", api.dataDir, "--port", "0"], { elsewhere: true });
    expect([none.code, none.stderr]).toEqual([3, expect.stringContaining("no gateway is running at http://127.0.0.1:0")]);
    rmSync(note);
  });

  test("a configuration that names another machine's API beside our data folder: the token stays here", async () => {
    writeFileSync(join(folder, "theirs.yaml"), `data_dir: ${api.dataDir}\napi: { host: 192.0.2.1, port: 1 }\n`);
    const { code, stderr } = await run(["status", "--config", "theirs.yaml"], { elsewhere: true });
    expect([code, stderr]).toEqual([78, expect.stringContaining("192.0.2.1, which is no address of this machine; the token was not sent")]);
  });
});

describe("views", () => {
  test("are aligned, harmless, and JSON on demand", async () => {
    const nodes = await run(["nodes"]);
    expect(nodes.stdout).toContain("\\x1b[31mEvil\\u{202e}");
    expect(nodes.stdout).not.toContain("\u001b");
    const [head = "", first = ""] = nodes.stdout.split("\n");
    expect(first.indexOf("Node")).toBe(head.indexOf("NAME"));
    const json = await run(["nodes", "--json"]);
    expect(JSON.parse(json.stdout)).toHaveLength(3);
    expect(json.stdout).not.toContain("\u001b");
    const status = await run(["status"]);
    expect(status.stdout).toMatch(
      /^zephyrgate 0\.1\.0, up .*\nlink sim \(simulated 3\): up, node !00000001\nplugins: 2 running, 1 awaiting_approval\n/,
    );
    const verbs = [["messages"], ["schedule"], ["plugin", "list"], ["permission", "list"], ["audit"], ["audit", "verify"]];
    const all = await Promise.all(verbs.map((verb) => run(verb)));
    for (const [i, verb] of verbs.entries()) expect([verb, all[i]?.code, all[i]?.stderr]).toEqual([verb, 0, ""]);
  });

  test("received texts, of all or of one node", async () => {
    const kept = await run(["messages", "--received", "--from", "!00000002"]);
    expect([kept.code, kept.stderr]).toEqual([0, ""]);
    expect(kept.stdout).toMatch(/^WHEN +FROM +ON +HOPS +SNR +TEXT\n.*ago +!00000002 +direct +- +5\.5 +kept of !00000002\\x1b\[31m\n$/);
    expect(JSON.parse((await run(["messages", "--received", "--json"])).stdout)).toMatchObject([{ text: "kept of all\u001b[31m", seq: 1 }]);
    const odd = await run(["messages", "--received", "--state", "sent"]);
    expect([odd.code, odd.stderr]).toEqual([2, expect.stringContaining("--state is of sent messages")]);
  });

  test("the way to a node and back", async () => {
    const found = await run(["traceroute", "!00000003"]);
    expect(found).toEqual({
      code: 0,
      stderr: "",
      stdout: "there: gateway > !00000002 (5.5 dB) > !00000003\nback:  !00000003 > gateway\n",
    });
  });

  test("send, and what became of it", async () => {
    const sent = await run(["send", "good morning", "--to", "!00000002", "--channel", "0"]);
    expect([sent.code, sent.stdout]).toEqual([0, expect.stringMatching(/^m_\d{26} is queued\n$/)]);
    expect(api.calls.at(-1)?.args[0]).toEqual({ text: "good morning", destination: "!00000002", channel: 0, wantAck: undefined });
    expect((await run(["messages"])).stdout).toContain("good morning");
  });

  test("logs: the last lines, one plugin's, and on with -f", async () => {
    api.log.forPlugin("hello_world").error("command failed", { error: new RangeError("boom") });
    const last = await run(["logs", "hello_world", "--level", "error"]);
    expect(last.stdout).toMatch(/ERROR hello_world: command failed: RangeError: boom/);
    const child = Bun.spawn([process.execPath, MAIN, "logs", "-f", "--data-dir", api.dataDir, "--port", String(api.port)], {
      cwd: folder,
      stdout: "pipe",
      stderr: "ignore",
      env: { HOME: folder },
    });
    try {
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (!text.includes("command failed")) text += (await reader.read()).value ?? "";
      api.log.forPlugin("hello_world").warn("while following");
      while (!text.includes("while following")) text += (await reader.read()).value ?? "";
    } finally {
      child.kill();
      await child.exited;
    }
  });
});

describe("plugins", () => {
  test("enable shows the request with its risks and needs a yes; bundled ones need none", async () => {
    api.plugins.set("waiting", summary("waiting", { state: "awaiting_approval" }));
    const asked = await run(["plugin", "enable", "waiting"]);
    expect([asked.code, asked.stdout]).toEqual([1, ""]);
    expect(asked.stderr).toContain("http_requests (hosts api.weather.gov)\n      sends requests to these hosts");
    expect(asked.stderr).toContain("add --yes");
    expect(api.calls.filter((call) => call.what === "enable")).toEqual([]);
    const accepted = await run(["plugin", "enable", "waiting", "--yes"]);
    expect([accepted.code, accepted.stdout]).toEqual([0, "waiting 1.0.0: running\n"]);
    expect(api.calls.findLast((call) => call.what === "enable")?.args.slice(0, 2)).toEqual(["waiting", HASH]);
    await run(["plugin", "enable", "ping"]);
    expect(api.calls.findLast((call) => call.what === "enable")?.args.slice(0, 2)).toEqual(["ping", undefined]);
  });

  test("ask prints texts page after page, other answers as JSON, and says what is not answered", async () => {
    expect(await run(["plugin", "ask", "ping", "pages"])).toMatchObject({ code: 0, stdout: "first\nsecond \\x1b[31m\nlast\n" });
    expect(await run(["plugin", "ask", "ping", "echo", '{"a":[1]}'])).toMatchObject({ code: 0, stdout: expect.stringContaining('"a"') });
    expect(await run(["plugin", "ask", "ping", "sing"])).toMatchObject({ code: 1, stderr: 'zephyrgate: ping does not answer "sing"\n' });
    expect(await run(["plugin", "ask", "nobody", "echo", "1"])).toMatchObject({ code: 1 });
    expect((await run(["plugin", "ask", "ping", "echo", "{"])).stderr).toContain("is not JSON");
  });

  test("disable, restart, a reload that fails, an unknown name", async () => {
    expect(await run(["plugin", "disable", "ping"])).toMatchObject({ code: 0, stdout: "ping 1.0.0: disabled\n" });
    expect(await run(["plugin", "restart", "ping"])).toMatchObject({ code: 0, stdout: "ping 1.0.0: running\n" });
    expect(await run(["plugin", "reload", "hello_world"])).toMatchObject({
      code: 1,
      stderr: "zephyrgate: plugin.ts:3:7: plugin.ts does not parse\n",
    });
    expect(await run(["plugin", "restart", "nobody"])).toMatchObject({
      code: 1,
      stderr: "zephyrgate: no such plugin (zephyrgate plugin list)\n",
    });
    expect((await run(["plugin", "restart", "../../x"])).code).toBe(1);
  });

  test("tokens and the page's password", async () => {
    const made = await run(["token", "create", "grafana", "--role", "read"]);
    expect(made.stdout).toMatch(/^zg_[\w-]{43}\n$/);
    const asReader = { headers: { authorization: `Bearer ${made.stdout.trim()}` } };
    expect((await fetch(`${api.url}/metrics`, asReader)).status).toBe(200);
    expect((await run(["token", "list"])).stdout).toMatch(/^grafana +read +\d+ s ago +\d+ s ago +0$/m);
    const rotated = await run(["token", "rotate", "grafana"]);
    expect([rotated.code, rotated.stdout === made.stdout]).toEqual([0, false]);
    expect((await fetch(`${api.url}/metrics`, asReader)).status).toBe(401);
    expect((await run(["token", "revoke", "grafana"])).code).toBe(0);
    expect((await run(["token", "revoke", "grafana"])).stderr).toBe("zephyrgate: there is no token grafana (zephyrgate token list)\n");
    expect(await run(["token", "create", "x", "--role", "raed"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("read, operate, admin"),
    });
    expect((await run(["password", "set"], { stdin: "a few words\n" })).code).toBe(0);
    expect((await run(["password", "set"], { stdin: "short\n" })).stderr).toContain("fewer than 10");
    expect((await run(["password", "rm"])).code).toBe(0);
  });

  test("permissions and secrets", async () => {
    await run(["permission", "grant", "hello_world", "http_requests: { hosts: [api.weather.gov] }"]);
    expect(api.calls.at(-1)).toMatchObject({
      what: "grant",
      args: ["hello_world", { http_requests: { hosts: ["api.weather.gov"] } }, { via: "api" }],
    });
    await run(["permission", "revoke", "hello_world"]);
    expect(api.calls.at(-1)).toMatchObject({ what: "revoke", args: ["hello_world", undefined, { via: "api" }] });
    expect(await run(["permission", "deny", "hello_world", "[1, 2"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("this is not a permission"),
    });
    const why = await run(["permission", "why", "hello_world", "http_requests", "example.org"]);
    expect(why.stdout).toBe("denied: not requested (add it to the manifest)\n");
    expect((await run(["permission", "why", "c1"])).stdout).toContain("example.org:443");
    expect((await run(["secret", "set", "hello_world", "api_key"], { stdin: "s3cr3t value\n" })).code).toBe(0);
    expect(api.secrets.get("api_key")).toBe("s3cr3t value");
    expect((await run(["secret", "list", "hello_world"])).stdout).toBe("api_key\n");
    expect((await run(["secret", "rm", "hello_world", "api_key"])).code).toBe(0);
    expect((await run(["secret", "set", "hello_world", "api_key"])).code).toBe(1);
  });
});

describe("simulate", () => {
  test("say prints the answers that come back, once each, and says when none does", async () => {
    const [answered, silent] = await Promise.all([
      run(["simulate", "say", "--from", "!00000002", "hello", "--wait", "0.5"]),
      run(["simulate", "say", "--from", "!00000002", "silence", "--wait", "0.5"]),
    ]);
    expect(answered).toEqual({ code: 0, stdout: "Hello \\x1b[31mtwo!\n", stderr: "" });
    expect(silent).toEqual({ code: 1, stdout: "", stderr: "no plugin answers this\nno answer arrived\n" });
  });

  test("run plays a script on the gateway's mesh and names the line that does not come true", async () => {
    writeFileSync(join(folder, "good.yaml"), "- { say: hello, from: '!00000002' }\n- { expect: two, within_s: 20 }\n");
    writeFileSync(join(folder, "bad.yaml"), "- { say: hello, from: '!00000002' }\n- { expect: nonsense, within_s: 0.2 }\n");
    const good = await run(["simulate", "run", "good.yaml"]);
    expect([good.code, good.stderr]).toEqual([0, "good.yaml: all 2 steps passed\n"]);
    const bad = await run(["simulate", "run", "bad.yaml"]);
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('bad.yaml:2: expected "nonsense"')]);
    expect((await run(["simulate", "run", "absent.yaml"])).stderr).toBe("zephyrgate: cannot read absent.yaml (ENOENT)\n");
  });

  test("serve listens for any client", async () => {
    const child = Bun.spawn([process.execPath, MAIN, "simulate", "serve", "--port", "0"], {
      cwd: folder,
      stdout: "pipe",
      stderr: "ignore",
      env: { HOME: folder },
    });
    try {
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (!text.includes("\n")) text += (await reader.read()).value ?? "";
      const port = Number(/127\.0\.0\.1:(\d+)/.exec(text)?.[1]);
      const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
      socket.end();
    } finally {
      child.kill();
      await child.exited;
    }
  });
});

describe("on a terminal", () => {
  async function* typed(text: string) {
    yield text;
  }

  test("enable asks, and takes only a yes", async () => {
    for (const [answer, code] of [
      ["y\n", 0],
      ["Yes\n", 0],
      ["\n", 1],
      ["n\n", 1],
      ["", 1],
    ] as const) {
      api.plugins.set("waiting", summary("waiting", { state: "awaiting_approval" }));
      const out: string[] = [];
      const write = (text: string) => void out.push(text);
      const io = { stdout: { write }, stderr: { write }, stdin: typed(answer), env: { HOME: folder }, cwd: folder, isTTY: true };
      const flags = ["--data-dir", api.dataDir, "--port", String(api.port)];
      expect([answer, await main(["plugin", "enable", "waiting", ...flags], io)]).toEqual([answer, code]);
      expect(out.join("")).toContain("accept? [y/N] ");
      expect(api.plugins.get("waiting")?.state).toBe(code === 0 ? "running" : "awaiting_approval");
    }
  });
});
