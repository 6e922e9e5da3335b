/**
 * A plugin host that has been taken over: it keeps the protocol until a command of one of its plugins is called, and then
 * does what that plugin's name says. Stages and walls of the jail are the true ones.
 */
import { readdirSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { encodeFrame, FrameDecoder } from "../../../src/bridge/frame-codec.ts";
import type { ToHost } from "../../../src/bridge/frames.ts";
import { mapPage } from "../../../src/bridge/shared-page.ts";
import { runHostProcess } from "../../../src/host/entry.ts";
import { libc } from "../../../src/linux/libc.ts";
import { OPERATIONS, permissionOf } from "../../../src/sdk/boundary/operations.ts";

interface Known {
  readonly plugin: string;
  readonly tokens: Readonly<Record<string, string>>;
}
type Call = Extract<ToHost, { t: "call" }>;

const realms = new Map<number, Known>();
const waiting = new Map<string, (outcome: unknown) => void>();
const partial = new Map<number, string>();
/** Kept from before a permission was taken away. */
const kept = new Map<string, Readonly<Record<string, string>>>();
let nextRequest = 1;
let deaf = false;

function put(bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(4, rest));
    } catch (thrown) {
      if ((thrown as { code?: string }).code !== "EAGAIN") process.exit(1);
    }
  }
}
const raw = (length: number, text: string) => {
  const body = new TextEncoder().encode(text);
  const frame = new Uint8Array(4 + body.length);
  new DataView(frame.buffer).setUint32(0, length, true);
  frame.set(body, 4);
  put(frame);
};
const send = (frame: unknown) => put(encodeFrame(JSON.stringify(frame)));
const request = (realm: number, operation: string, args: unknown, token: string | null): Promise<unknown> => {
  const id = nextRequest++;
  send({ t: "request", realm, request: id, operation, args, token, call: null });
  return new Promise((resolve) => waiting.set(`${realm}:${id}`, resolve));
};
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const tokenOf = (realm: number, permission: string) => realms.get(realm)?.tokens[permission] ?? null;
const short = (value: unknown) => JSON.stringify(value).slice(0, 500);

/** What comes back is what the attacker carries home. */
const attacks: Readonly<Record<string, (call: Call, page: ReturnType<typeof mapPage>) => unknown>> = {
  host_bad_length: () => raw(0xffffffff, "{}"),
  host_no_json: () => raw(8, "no json!"),
  host_deep_json: () => send(JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`)),
  host_unknown_frame: () => send({ t: "exec", command: "id" }),
  host_prototype_frame: () => raw(60, '{"__proto__":{"polluted":1},"t":"usage","realms":[]}        '),
  host_frame_flood: () => {
    const many = new Uint8Array(40 * 3000);
    const one = encodeFrame(JSON.stringify({ t: "usage", realms: [] }));
    for (let at = 0; at + one.length <= many.length; at += one.length) many.set(one, at);
    const whole = many.subarray(0, Math.floor(many.length / one.length) * one.length);
    for (let count = 0; count < 500; count++) put(whole);
  },
  host_log_flood: ({ realm }) => {
    for (let count = 0; count < 5000; count++)
      send({ t: "log", realm, level: "error", message: `flood ${"x".repeat(10_000)}`, fields: {} });
  },
  host_forged_token: ({ realm }) => request(realm, "send_message", { content: "forged", destination: "broadcast" }, "A".repeat(43)),
  host_foreign_token: async ({ realm }) => {
    const other = [...realms].find(([number, { tokens }]) => number !== realm && tokens.system_state_read !== undefined);
    return request(realm, "get_nodes", {}, other?.[1].tokens.system_state_read ?? null);
  },
  host_wrong_token: ({ realm }) => request(realm, "get_nodes", {}, tokenOf(realm, "send_messages")),
  host_no_token: ({ realm }) => request(realm, "get_nodes", {}, null),
  host_revoked_token: ({ realm, args }) => {
    const plugin = realms.get(realm)?.plugin ?? "";
    if (String(args[0]).includes("keep")) kept.set(plugin, { ...realms.get(realm)?.tokens });
    return request(realm, "get_nodes", {}, kept.get(plugin)?.system_state_read ?? null);
  },
  host_foreign_realm: () => send({ t: "request", realm: 4000, request: 1, operation: "get_nodes", args: {}, token: null, call: null }),
  host_false_result: ({ realm }) => send({ t: "result", realm, call: 999_999, outcome: { ok: true, value: "victim HARMED", cpuMs: 0 } }),
  host_false_task: () => send({ t: "done", task: 999_999, outcome: { ok: true, value: null } }),
  host_same_number: ({ realm }) => {
    for (let count = 0; count < 2; count++)
      send({
        t: "request",
        realm,
        request: 7_000_000,
        operation: "send_to_plugin",
        args: { plugin: "victim", type: "x", data: null },
        token: tokenOf(realm, "inter_plugin_messaging"),
        call: null,
      });
  },
  host_requests: ({ realm }) => {
    for (let count = 0; count < 20_000; count++)
      send({
        t: "request",
        realm,
        request: 1_000_000 + count,
        operation: "get_nodes",
        args: {},
        token: tokenOf(realm, "system_state_read"),
        call: null,
      });
  },
  host_operations: async ({ realm }) => {
    const seen: unknown[] = [];
    for (const operation of ["__proto__", "constructor", "toString", "eval", "shutdown", "Register", "send_message\u0000"])
      seen.push(((await request(realm, operation, {}, null)) as { ok?: boolean }).ok);
    for (const args of [
      null,
      [],
      "x",
      { kind: "command", id: -1, name: "vitals" },
      { kind: "command", id: 900, name: "vitals" },
      { kind: "command", id: 1e300, name: "help" },
      { kind: "event", id: 901, type: "x".repeat(1000) },
    ])
      seen.push(((await request(realm, "register", args, null)) as { ok?: boolean }).ok);
    return seen;
  },
  host_region: async ({ realm }) => {
    const token = tokenOf(realm, "region");
    const seen: unknown[] = [];
    const topics = ["$answers", "records", "victim/scores", "plugin/victim/x", "other", "../mine", "mine\u0000", "", "mine/x"];
    const calls: [string, object, string | null][] = [
      ...topics.map((topic): [string, object, string | null] => ["region_publish", { topic, body: 1 }, token]),
      ["region_publish", { topic: "mine", body: 1, plugin: "victim" }, token],
      ["region_publish", { topic: "mine", body: 1 }, null],
      ["region_publish", { topic: "mine", body: 1 }, tokenOf(realm, "send_messages")],
      ["store_shared", { key: "other/x", value: 1 }, token],
      ["store_shared", { key: "mine/x", value: "x".repeat(200_000) }, token],
      ["store_shared", { key: "mine/x", value: 1, plugin: "victim" }, token],
      ["retrieve_shared", { key: "other" }, token],
      ["delete_shared", { key: "$mine" }, token],
      ["list_shared", { prefix: "" }, null],
      ["store_shared", { key: "mine/\u0001self", value: 1 }, token],
      ["read_shared", { prefix: "" }, null],
      ["read_shared", { prefix: "", plugin: "victim" }, token],
      ["register", { kind: "region", id: 990, topic: "other" }, token],
      ["register", { kind: "region", id: 991, topic: "$answers" }, token],
      ["register", { kind: "region", id: 992, topic: "mine", plugin: "victim" }, token],
    ];
    for (const [operation, args, presented] of calls)
      seen.push(((await request(realm, operation, args, presented)) as { ok?: boolean }).ok);
    return seen;
  },
  host_usage: ({ realm }) =>
    send({ t: "usage", realms: [{ realm, cpuMs: 1e308, memoryBytes: 1e308, storageBytes: 1e308, timers: 1e308, queueDepth: -1 }] }),
  host_hostile_error: ({ realm, call }) =>
    send({
      t: "result",
      realm,
      call,
      outcome: {
        ok: false,
        cause: "threw",
        error: {
          name: "\u001b[2J",
          message: "\u202e\r\n2026-01-01T00:00:00Z forged",
          stack: "at /etc/passwd:1:1\n".repeat(400),
          code: "__proto__",
        },
        cpuMs: 0,
      },
    }),
  host_hostile_objects: async ({ realm }) => {
    const hostile = { toString: 1, valueOf: 1, toJSON: 1, length: 1e9, constructor: { name: 1 } };
    const tokens = realms.get(realm)?.tokens ?? {};
    const fields = [
      "content",
      "destination",
      "channel",
      "priority",
      "replyTo",
      "kind",
      "id",
      "name",
      "type",
      "data",
      "plugin",
      "url",
      "method",
      "headers",
      "body",
      "timeout",
      "node",
      "pattern",
      "menu",
      "label",
      "interval",
      "cron",
      "permission",
      "topic",
      "key",
      "value",
      "site",
      "ttl",
      "prefix",
    ];
    for (const operation of Object.keys(OPERATIONS))
      for (const args of [
        hostile,
        [hostile],
        Object.fromEntries(fields.map((field) => [field, hostile])),
        Object.fromEntries(fields.map((field) => [field, [hostile]])),
      ])
        await request(realm, operation, args, tokens[permissionOf(operation, args) ?? ""] ?? null);
    send({ t: "log", realm, level: "error", message: "x", fields: { a: hostile } });
    send({ t: "fault", realm, error: { name: "E", message: "m", scope: hostile } });
  },
  host_gone: ({ realm }) => {
    for (const number of realms.keys()) if (number !== realm) send({ t: "gone", realm: number, reason: "abort", detail: "x" });
    send({ t: "gone", realm, reason: "abort", detail: "x" });
  },
  host_dies: () => {
    raw(1000, "half a frame");
    process.exit(9);
  },
  host_output: () => {
    for (let count = 0; count < 2000; count++) writeSync(1, `\u001b[2J\u001b]0;owned\u0007 forged ${"y".repeat(2000)}\n`);
  },
  host_hangs: () => {
    for (;;);
  },
  host_deaf: async () => {
    deaf = true;
    await pause(3_600_000);
  },
  host_memory: () => {
    const all: Uint8Array[] = [];
    for (;;) all.push(new Uint8Array(8 << 20).fill(1));
  },
  host_threads: async () => {
    const url = URL.createObjectURL(new Blob(["setInterval(() => {}, 1000)"]));
    for (let count = 0; count < 700; count++) new Worker(url);
    await pause(30_000);
  },
  host_files: ({ args }) => {
    const dir = String(args[0]).split(" ").at(-1) ?? "";
    const got: string[] = [];
    const attempt = (what: string, run: () => unknown) => {
      try {
        got.push(`${what}=${String(run()).slice(0, 60)}`);
      } catch {
        // Refused, as it should be.
      }
    };
    for (const path of [
      "home/canary.txt",
      "data/api-token",
      "data/gateway.db",
      "config.yaml",
      "data/secret.key",
      "data/isolated/victim/data.db",
    ])
      attempt(path, () => readFileSync(`${dir}/${path}`, "latin1"));
    for (const path of ["/etc/passwd", "/proc/1/environ", `/proc/${process.ppid}/environ`, `/proc/${process.ppid}/mem`])
      attempt(path, () => readFileSync(path, "latin1"));
    for (const path of [dir, `${dir}/data`, `${dir}/data/plugins`, `${dir}/data/isolated`, `${dir}/data/isolated/victim`, `${dir}/home`])
      attempt(path, () => readdirSync(path));
    for (const path of ["home/planted", "data/planted", "data/audit/planted", "plugins/victim/plugin.ts"])
      attempt(path, () => writeFileSync(`${dir}/${path}`, "planted"));
    attempt("kill", () => process.kill(process.ppid, 0));
    attempt("spawn", () => Bun.spawnSync(["/bin/true"]).success && "ran");
    attempt("environment", () => JSON.stringify(process.env).replace("{}", "") || null);
    return got.filter((text) => !text.endsWith("=null")).join(" ; ");
  },
  host_others_file: ({ args }) => {
    try {
      return readFileSync(String(args[0]).split(" ").at(-1) ?? "", "utf8");
    } catch {
      return ""; // Refused, as it should be.
    }
  },
  host_udp: async ({ args }) => {
    const port = Number(String(args[0]).split(" ").at(-1));
    const socket = raw64(41, 198, 2, 2, 0);
    const address = new Uint8Array([2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    const { errno } = raw64(44, 206, socket.value, new Uint8Array(1), 1, 0, address, address.length);
    await pause(200);
    return errno === 0 ? "sent" : "";
  },
  host_unix: ({ args }) =>
    Bun.connect({ unix: String(args[0]).split(" ").at(-1) ?? "", socket: { data() {} } }).then(
      () => "connected",
      () => "",
    ),
  host_ptrace: () => (raw64(101, 117, 0, 0, 0, 0).errno === 0 ? "traced by the gateway" : ""),
  host_io_uring: () => (raw64(425, 425, 8, new Uint8Array(256)).errno === 0 ? "made" : ""),
  host_clone: () => {
    const { value, errno } = raw64(56, 220, 17, 0, 0, 0, 0);
    if (value === 0 && errno === 0) waitAndEnd();
    return errno === 0 ? "made" : "";
  },
  host_kill: () => (raw64(62, 129, process.ppid, 0).errno === 0 ? "reached" : ""),
  host_network: async ({ args }) => {
    const port = String(args[0]).split(" ").at(-1) ?? "";
    const got: string[] = [];
    await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2000) }).then(
      () => got.push("fetch"),
      () => {},
    );
    await Bun.connect({ hostname: "127.0.0.1", port: Number(port), socket: { data() {} } }).then(
      () => got.push("connect"),
      () => {},
    );
    try {
      Bun.serve({ port: 0, fetch: () => new Response("x") });
      got.push("listen");
    } catch {
      // Refused, as it should be.
    }
    return got.join();
  },
};

/** Without a number where the architecture has no such call. */
const raw64 = (x64: number, arm64: number, ...args: (number | bigint | Uint8Array)[]) => {
  const kernel = libc();
  return kernel.raw(kernel.architecture === "x64" ? x64 : arm64, ...args);
};

/** In the copy of this process that clone made: it must not go on as this one does. */
function waitAndEnd(): void {
  raw64(271, 73, 0, 0, new Uint8Array(new BigInt64Array([20n, 0n]).buffer), 0, 8);
  raw64(231, 94, 0);
}

function take(frame: ToHost | { t: "part"; id: number; last: boolean; text: string }, page: ReturnType<typeof mapPage>): void {
  if (frame.t === "part") {
    const text = (partial.get(frame.id) ?? "") + frame.text;
    partial.set(frame.id, text);
    if (frame.last) {
      partial.delete(frame.id);
      take(JSON.parse(text), page);
    }
  } else if (frame.t === "open") {
    realms.set(frame.realm, { plugin: frame.spec.plugin, tokens: frame.spec.tokens });
    send({ t: "opened", realm: frame.realm, error: null });
  } else if (frame.t === "update") {
    const known = realms.get(frame.realm);
    if (known !== undefined && frame.change.tokens !== undefined) realms.set(frame.realm, { ...known, tokens: frame.change.tokens });
  } else if (frame.t === "close") {
    realms.delete(frame.realm);
    send({ t: "gone", realm: frame.realm, reason: "closed", detail: "closed" });
  } else if (frame.t === "answer") {
    waiting.get(`${frame.realm}:${frame.request}`)?.(frame.outcome);
    waiting.delete(`${frame.realm}:${frame.request}`);
  } else if (frame.t === "call") void answer(frame, page);
  else if (frame.t === "stop") process.exit(0);
  else if (frame.t === "validate" && JSON.stringify(frame.schema).includes("hostile problems"))
    send({
      t: "done",
      task: frame.task,
      outcome: { ok: true, value: [{ path: { toString: 1, valueOf: 1 }, message: { toString: 1, valueOf: 1 } }, null, [[]]] },
    });
  else if ("task" in frame) send({ t: "done", task: frame.task, outcome: { ok: true, value: [] } });
}

async function answer(call: Call, page: ReturnType<typeof mapPage>): Promise<void> {
  const { realm } = call;
  const plugin = realms.get(realm)?.plugin ?? "";
  const finish = (value: unknown) => send({ t: "result", realm, call: call.call, outcome: { ok: true, value, cpuMs: 0 } });
  if (call.target.kind !== "handler") {
    if (call.target.kind === "lifecycle" && call.target.hook === "initialize")
      await request(realm, "register", { kind: "command", id: 1, name: plugin }, null);
    finish(true);
    return;
  }
  page.enter(realm);
  finish(`${plugin}: ${short((await attacks[plugin]?.(call, page)) ?? "done")}`);
  page.leave();
}

const [verb = "", argument = ""] = process.argv.slice(2);
await runHostProcess(verb, argument, async () => {
  const page = mapPage(5);
  return async () => {
    send({ t: "ready", walls: [] });
    setInterval(() => page.beat(), 100);
    const decoder = new FrameDecoder();
    for await (const bytes of Bun.file(3).stream()) {
      while (deaf) await pause(1000);
      decoder.push(bytes);
      for (let body = decoder.next(); body instanceof Uint8Array; body = decoder.next())
        take(JSON.parse(new TextDecoder().decode(body)), page);
    }
    process.exit(0);
  };
});
