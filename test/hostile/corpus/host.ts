/** From a plugin host that was taken over: it speaks the bridge itself, holds its plugins' tokens, and runs machine code in the jail. */
import { expect } from "bun:test";
import { chownSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { descendantsOf } from "../../gateway/harness.ts";
import type { Attack } from "../attack.ts";
import { UNIX_CANARY, type World } from "../world.ts";

const ENDED = /plugin host ended: (?:protocol|overflow|watchdog|memory|crashed)/;
const host = (name: string, tries: string, more: Partial<Attack> = {}): Attack => ({
  name,
  tries,
  wall: "bridge checks",
  strike: "",
  ...more,
});
const killed = (name: string, tries: string, more: Partial<Attack> = {}): Attack => host(name, tries, { settles: ENDED, ...more });
/** Refused, and known for what it was. */
const forged = async (world: World, said: string, plugin: string) => {
  denied(world, said);
  expect(JSON.stringify((await world.gateway.api("GET", `/audit?plugin=${plugin}&limit=50`)).body)).toContain("forged token");
};
const denied = (_: unknown, said: string) => expect(said).toMatch(/^\w+: (?!.*"ok":true)/);

/** The host says what it got: nothing. */
const nothing = (_: unknown, said: string) => expect(said).toMatch(/^\w+: ""$/);

/** In the gateway's folder. */
const OTHERS_FILE = "others.txt";

export const HOST: readonly Attack[] = [
  killed("host_bad_length", "announces a frame of four gigabytes"),
  killed("host_no_json", "sends a frame that is no JSON"),
  killed("host_deep_json", "sends JSON nested past the parser's stack"),
  killed("host_unknown_frame", "sends a frame of a kind that does not exist"),
  host("host_prototype_frame", "pollutes the gateway's prototypes by a frame's keys", {
    settles: /plugin host ended|-> .*host_prototype_frame/,
  }),
  killed("host_frame_flood", "floods the gateway with more frames than an honest host can have", { wall: "bridge checks" }),
  killed("host_log_flood", "floods the log past every limit of the host"),
  host("host_forged_token", "presents a token that it made up", {
    wall: "tokens",
    check: async (world, said) => {
      denied(world, said);
      expect((await world.gateway.messages()).some(({ text }) => text === "forged")).toBe(false);
      expect(JSON.stringify((await world.gateway.api("GET", "/audit?plugin=host_forged_token&limit=50")).body)).toContain("forged");
    },
  }),
  host("host_foreign_token", "presents another plugin's token for its own call", {
    wall: "tokens",
    check: (world, said) => forged(world, said, "host_foreign_token"),
  }),
  host("host_wrong_token", "presents its token for one permission where another is needed", {
    wall: "tokens",
    check: (world, said) => forged(world, said, "host_wrong_token"),
  }),
  host("host_no_token", "calls without a token", { wall: "tokens", check: denied }),
  host("host_revoked_token", "keeps a token and presents it after the permission was taken away", {
    wall: "tokens",
    permissions: "system_state_read",
    says: "host_revoked_token keep",
    check: async (world, said) => {
      expect(said).toContain('"ok":true');
      await world.gateway.api("DELETE", "/plugins/host_revoked_token/permissions", { permission: "system_state_read" });
      const { text } = await world.gateway.ask("host_revoked_token", /^host_revoked_token: /);
      denied(world, text);
    },
  }),
  killed("host_foreign_realm", "speaks for a realm that it was never given", { wall: "bridge checks" }),
  killed("host_false_result", "answers calls that were never made"),
  killed("host_false_task", "ends tasks that were never begun"),
  killed("host_same_number", "uses one number for two requests", { permissions: "inter_plugin_messaging" }),
  killed("host_requests", "has thousands of requests under way at once", { permissions: "system_state_read" }),
  host("host_operations", "names operations and registrations that do not exist, or are not its own", {
    check: (_, said) => expect(said).not.toContain("true"),
  }),
  host(
    "host_region",
    "names topics and keys of the core and of other plugins in the region, without its token or with more than its scope",
    {
      wall: "permissions",
      permissions: "region: { topics: [mine] }",
      check: (_, said) => expect(said).toMatch(/^host_region: "\[(?:false,)*false\]"$|^host_region: \[(?:false,)*false\]$/),
    },
  ),
  killed("host_usage", "reports rubbish about memory and time"),
  host("host_hostile_error", "reports errors with escape sequences, forged log lines and foreign stacks", {
    wall: "escaping",
    check: (world) => {
      expect(world.gateway.output).not.toContain("\u001b");
      expect(world.gateway.output.split("\n").filter((line) => line.startsWith("2026-01-01"))).toEqual([]);
    },
  }),
  host("host_hostile_problems", "answers the check of a configuration with objects whose conversion to text throws", {
    manifest: "config: { schema_file: schema.json }\n",
    files: { "schema.json": '{"title":"hostile problems"}' },
    stays: /^(?:failed|backing_off)$/,
  }),
  host("host_hostile_objects", "puts objects whose conversion to text throws in every place of every request", {
    permissions: "system_state_read, inter_plugin_messaging, http_requests, secrets",
    check: (_, said) => expect(said).toBe('host_hostile_objects: "done"'),
  }),
  host("host_gone", "ends all its plugins again and again", { wall: "watchdog", settles: /host_gone is restarted/ }),
  killed("host_dies", "dies in the middle of a frame", { wall: "watchdog" }),
  host("host_output", "floods its standard output with escape sequences", {
    lets: 1500,
    wall: "escaping",
    check: (world) => expect(world.gateway.output).not.toContain("\u001b"),
  }),
  killed("host_hangs", "never gives a sign of life again", { wall: "watchdog" }),
  host("host_deaf", "stops reading and answering", { wall: "bridge checks", lets: 500, clings: true }),
  killed("host_memory", "takes memory without end", { wall: "watchdog" }),
  host("host_threads", "starts hundreds of threads", { wall: "watchdog", settles: /plugin host ended|host_threads failed/ }),
  host("host_files", "reads and writes the operator's files, the gateway's data, its memory and its environment, and runs programs", {
    wall: "jail",
    says: "host_files FOLDER",
    check: (_, said) => expect(said).toBe('host_files: ""'),
  }),
  host("host_others_file", "reads a file of another user of the machine, as root may", {
    wall: "jail",
    arrange: (_, dir) => {
      writeFileSync(join(dir, OTHERS_FILE), "another user's", { mode: 0 });
      if (process.getuid?.() === 0) chownSync(join(dir, OTHERS_FILE), 12_345, 12_345);
    },
    says: `host_others_file FOLDER/${OTHERS_FILE}`,
    check: nothing,
  }),
  host("host_udp", "sends a datagram to a program on the machine", { wall: "jail", says: "host_udp CANARY_PORT", check: nothing }),
  host("host_unix", "connects to a socket in the file system", { wall: "jail", says: `host_unix FOLDER/${UNIX_CANARY}`, check: nothing }),
  host("host_ptrace", "makes the gateway its tracer", {
    wall: "jail",
    check: (world, said) => {
      for (const pid of descendantsOf(world.gateway.process.pid))
        expect(readFileSync(`/proc/${pid}/status`, "utf8")).toContain("TracerPid:\t0");
      nothing(world, said);
    },
  }),
  host("host_io_uring", "makes a ring by which the kernel does what the filter does not see", { wall: "jail", check: nothing }),
  host("host_clone", "makes a process of its own, which nobody watches", {
    wall: "jail",
    check: (world, said) => {
      const { pid } = world.gateway.process;
      for (const child of descendantsOf(pid)) expect(descendantsOf(child)).toEqual([]);
      nothing(world, said);
    },
  }),
  host("host_kill", "sends a signal to the gateway", { wall: "jail", check: nothing }),
  host("host_network", "connects and listens", {
    wall: "jail",
    says: "host_network CANARY_PORT",
    check: (_, said) => expect(said).toBe('host_network: ""'),
  }),
];
