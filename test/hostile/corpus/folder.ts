/** What a plugin's folder can do before any of its code runs: to the loader, the manifest, and what was approved. */
import { expect } from "bun:test";
import { appendFileSync, chmodSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type PluginFiles, writePlugin } from "../../gateway/harness.ts";
import type { Attack } from "../attack.ts";
import type { World } from "../world.ts";

const STOPPED = /failed|backing_off|disabled|awaiting_approval|absent/;
const folder = (name: string, tries: string, more: Partial<Attack>): Attack => ({ name, tries, wall: "loader", stays: STOPPED, ...more });
const manifestOf = (path: string) => join(path, "manifest.yaml");

/** An accepted plugin with data, a secret and configuration, which the heirs are after. */
export const TESTATOR: PluginFiles = {
  manifest: `capabilities: { commands: [{ name: testament }] }
permissions: [send_messages, database_access, secrets]
config: { defaults: { will: none } }
`,
  code: `import { Plugin } from "zephyrgate";
export default class Testator extends Plugin {
  async initialize() {
    await this.storeData("gold", "buried");
    this.registerCommand("testament", () => "testament intact", { help: "" });
  }
}
`,
};
const HEIR = `import { Plugin } from "zephyrgate";
export default class Heir extends Plugin {
  initialize() {
    this.registerCommand("testament", async () => "heir has " + (await this.retrieveData("gold", "-")) + (await this.getSecret("key")), { help: "" });
  }
}
`;

/** An accepted plugin's configuration schema that is too much for whatever reads it; it alone may fail. */
const schema = (name: string, tries: string, text: () => string): Attack =>
  folder(name, tries, {
    wall: "boundary",
    manifest: "config: { schema_file: schema.json }\n",
    arrange: (path) => writeFileSync(join(path, "schema.json"), text()),
    check: async (world) => {
      const reload = await world.gateway.api("POST", `/plugins/${name}/reload`);
      expect(reload.status).toBeLessThan(500);
      const restart = await world.gateway.api("POST", `/plugins/${name}/restart`);
      expect(restart.status).toBeLessThan(500);
      expect(await world.gateway.state(name)).toMatch(STOPPED);
    },
  });
const nested = (levels: number, open: string, close: string) => open.repeat(levels) + close.repeat(levels);
const SCHEMAS: readonly Attack[] = [
  schema("schema_deep", "nests its configuration schema 100,000 deep, so that the gateway does not start", () => nested(100_000, "[", "]")),
  schema(
    "schema_deep_objects",
    "nests objects of its schema 20,000 deep, so that the shared host ends",
    () => `${'{"not":'.repeat(20_000)}{}${"}".repeat(20_000)}`,
  ),
  schema("schema_wide", "fills its schema with a hundred thousand lists", () => `[${"[],".repeat(80_000)}[]]`),
  schema(
    "schema_prototype",
    "pollutes prototypes by its schema, and refers to itself for ever",
    () => '{"__proto__":{"polluted":1},"$ref":"#","properties":{"a":{"$ref":"#/properties/a"}},"required":["missing"]}',
  ),
];

/** Another folder takes the testator's name after `dies`; whatever the operator then does but `adopt`, it must not run. */
async function inherit(world: World, dies: (folder: string) => void, lives: (folder: string) => void): Promise<string> {
  const { gateway } = world;
  const plugins = join(gateway.dir, "plugins");
  const [folder, heir] = [join(plugins, "testator"), join(plugins, "aaa_heir")];
  await gateway.api("PUT", "/plugins/testator/secrets/key", { value: "sealed" });
  dies(folder);
  writePlugin(plugins, "aaa_heir", { code: HEIR });
  writeFileSync(manifestOf(heir), `name: testator\nversion: "1.0.0"\ndescription: heir\nauthor: heir\n${TESTATOR.manifest}`);
  try {
    for (const verb of ["reload", "restart", "enable"]) await gateway.api("POST", `/plugins/testator/${verb}`);
    const { body } = await gateway.api<{ permission_hash: string; pending: { reason: string } | null }>("GET", "/plugins/testator");
    expect(body.pending?.reason).toMatch(/^the name testator belongs to .*plugins\/testator since .*its data, 1 secret/);
    expect((await gateway.api("POST", "/plugins/testator/enable", { accept: body.permission_hash })).status).toBe(409);
    await gateway.api("POST", "/plugins/testator/disable");
    await gateway.api("POST", "/plugins/testator/enable");
    // The accepted code goes on: what was bundled before, from the accepted place.
    expect((await gateway.api<{ path: string }>("GET", "/plugins/testator")).body.path).not.toContain("heir");
    const mark = await world.mark();
    await gateway.say("testament", { from: world.asker() });
    await world.vitals();
    return (await world.sent(mark)).map(({ text }) => text).join(" ");
  } finally {
    rmSync(heir, { recursive: true });
    lives(folder);
    await gateway.api("POST", "/plugins/testator/restart");
    await gateway.until("the testator lives again", async () => (await gateway.state("testator")) === "running");
    await gateway.api("DELETE", "/plugins/testator/secrets/key");
  }
}

const DISINHERITED = (_: World, said: string) => expect(said).not.toMatch(/heir|buried|sealed/);

export const FOLDER: readonly Attack[] = [
  ...SCHEMAS,
  folder("symlink_entry", "is a symbolic link to a file of the operator", {
    arrange: (path, dir) => {
      unlinkSync(join(path, "plugin.ts"));
      symlinkSync(join(dir, "home/canary.txt"), join(path, "plugin.ts"));
    },
  }),
  folder("symlink_data", "imports a file of the operator by a symbolic link inside its folder", {
    top: 'import stolen from "./data.json";',
    strike: "return stolen;",
    arrange: (path, dir) => {
      writeFileSync(join(dir, "plugins/victim/secret.json"), '"operator"');
      symlinkSync(join(dir, "plugins/victim/secret.json"), join(path, "data.json"));
    },
  }),
  folder("symlink_folder", "imports through a symbolic link to a folder", {
    top: 'import * as stolen from "./linked/plugin.ts";',
    strike: "return Object.keys(stolen);",
    arrange: (path, dir) => symlinkSync(join(dir, "plugins/victim"), join(path, "linked")),
  }),
  folder("import_outside", "imports the victim's code and files of the machine by relative and absolute paths", {
    top: 'import * as stolen from "../victim/plugin.ts";',
    strike: "return Object.keys(stolen);",
  }),
  folder("import_as_text", "takes a file of the machine into its bundle by an import attribute", {
    top: 'import stolen from "/etc/passwd" with { type: "text" };',
    strike: "return stolen;",
  }),
  folder("import_macro", "runs its code inside the bundler by a macro", {
    top: 'import { write } from "./evil.ts" with { type: "macro" };\nwrite();',
    strike: "return 'ran';",
    files: {
      "evil.ts":
        'import { writeFileSync } from "node:fs"; export function write() { writeFileSync("FOLDER/home/macro", "ran"); return 1; }',
    },
  }),
  folder("import_builtin", "imports the runtime's own modules", {
    top: 'import { readFileSync } from "node:fs";',
    strike: "return readFileSync('/etc/passwd', 'utf8');",
  }),
  folder("tsconfig_paths", "maps an import outside of its folder by its own tsconfig.json", {
    top: 'import * as stolen from "stolen";',
    strike: "return Object.keys(stolen);",
    files: {
      "tsconfig.json":
        '{ "compilerOptions": { "paths": { "stolen": ["../victim/plugin.ts"] }, "plugins": [{ "name": "../evil" }] }, "extends": "../../config.yaml" }',
    },
  }),
  folder("package_outside", "leads its node_modules out of its folder", {
    top: 'import * as stolen from "stolen";',
    strike: "return Object.keys(stolen);",
    arrange: (path, dir) => {
      mkdirSync(join(path, "node_modules"));
      symlinkSync(join(dir, "plugins/victim"), join(path, "node_modules/stolen"));
    },
  }),
  {
    name: "environment_in_bundle",
    tries: "has the bundler write the gateway's environment into its code",
    wall: "loader",
    strike:
      'const seen = []; for (const f of [() => process.env.CANARY, () => import.meta.env.CANARY, () => Bun.env.CANARY, () => import.meta.dir, () => import.meta.path, () => __dirname, () => __filename]) try { seen.push(f() ?? "-"); } catch { seen.push("-"); } return seen.join();',
    check: (_, said) => expect(said).not.toMatch(/environment[0-9a-f]{8}|\/tmp|\/home\//),
  },
  folder("world_writable", "lies in a folder that everybody may write", {
    strike: "return 'ran';",
    arrange: (path) => chmodSync(path, 0o777),
  }),
  folder("world_writable_entry", "has an entry that everybody may write", {
    strike: "return 'ran';",
    arrange: (path) => chmodSync(join(path, "plugin.ts"), 0o666),
  }),
  folder("manifest_main_outside", "names an entry outside of its folder", { manifest: "main: ../victim/plugin.ts\n" }),
  folder("manifest_schema_outside", "names a file of the machine as its configuration's schema", {
    manifest: "config: { schema_file: ../../home/canary.txt }\n",
  }),
  folder("manifest_aliases", "is a small manifest whose aliases unfold to gigabytes", {
    arrange: (path) => {
      const lines = ["x-a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]"];
      for (let at = 1; at < 12; at++)
        lines.push(
          `x-${"abcdefghijkl"[at]}: &${"abcdefghijkl"[at]} [${Array(9)
            .fill(`*${"abcdefghijkl"[at - 1]}`)
            .join(", ")}]`,
        );
      appendFileSync(manifestOf(path), lines.join("\n"));
    },
  }),
  folder("manifest_huge", "is a manifest of ten megabytes", {
    arrange: (path) => appendFileSync(manifestOf(path), `x-long: "${"x".repeat(10_000_000)}"\n`),
  }),
  folder("manifest_deep", "is a manifest nested a hundred thousand deep", {
    arrange: (path) => appendFileSync(manifestOf(path), `x-deep: ${"[".repeat(100_000)}${"]".repeat(100_000)}\n`),
  }),
  folder("manifest_prototype", "pollutes prototypes by the manifest's keys", {
    arrange: (path) => appendFileSync(manifestOf(path), "__proto__: { polluted: 1 }\nconstructor: { prototype: { polluted: 1 } }\n"),
  }),
  folder("manifest_versions", "costs the gateway ages by version ranges, patterns and cron", {
    manifest: `dependencies: { plugins: [{ name: victim, version: "${"1 || ".repeat(20_000)}1" }] }\n`,
  }),
  folder("entry_huge", "is an entry of fifty megabytes", {
    arrange: (path) => appendFileSync(join(path, "plugin.ts"), `//${"x".repeat(50_000_000)}`),
  }),
  folder("schema_pattern", "costs the gateway ages by a pattern in its configuration's schema", {
    manifest: "config: { schema_file: schema.json, defaults: { key: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab } }\n",
    files: { "schema.json": '{"type":"object","properties":{"key":{"type":"string","pattern":"^((a+)+)+$"}}}' },
  }),
  folder("impostor_ping", "takes the name of a bundled plugin to inherit what that one is granted", {
    wall: "grants",
    strike: "return 'ran';",
    arrange: (path) =>
      writeFileSync(manifestOf(path), readFileSync(manifestOf(path), "utf8").replace("name: impostor_ping\n", "name: ping\n")),
    check: async (world) => {
      const { body } = await world.gateway.api<{ origin?: string; path?: string }>("GET", "/plugins/ping");
      expect(JSON.stringify(body)).not.toContain("impostor");
    },
  }),
  folder("a_second_victim", "takes the victim's name in a folder that is looked at first, to inherit its grants and its data", {
    wall: "grants",
    strike: "return 'ran';",
    first: 'this.registerCommand("vitals", async () => "victim HARMED " + (await this.retrieveData("treasure", "")), { help: "" });',
    arrange: (path, dir) => writeFileSync(manifestOf(path), readFileSync(join(dir, "plugins/victim/manifest.yaml"))),
    check: async (world) =>
      expect(JSON.stringify((await world.gateway.api("GET", "/plugins/victim")).body)).not.toContain("a_second_victim"),
  }),
  folder("unlike_name", "takes a name that looks like the victim's by other letters and case", {
    wall: "grants",
    arrange: (path) =>
      writeFileSync(manifestOf(path), readFileSync(manifestOf(path), "utf8").replace("name: unlike_name\n", 'name: "vіctim"\n')),
    check: async (world) => expect(Object.keys(await world.gateway.states()).filter((name) => /[^a-z0-9_]/.test(name))).toEqual([]),
  }),
  {
    name: "asks_for_more",
    tries: "asks for more in its manifest after it was accepted, and reloads",
    wall: "grants",
    strike: "return (await this.getNodes()).length;",
    check: async (world) => {
      const path = join(world.gateway.dir, "plugins/asks_for_more");
      writeFileSync(
        manifestOf(path),
        readFileSync(manifestOf(path), "utf8").replace(
          "permissions: [send_messages]",
          "permissions: [send_messages, system_state_read, secrets]",
        ),
      );
      const { status, body } = await world.gateway.api<{ state: string }>("POST", "/plugins/asks_for_more/reload");
      expect([status, body.state]).not.toEqual([200, "granted"]);
      const { text } = await world.gateway.ask("asks_for_more", /^asks_for_more: /);
      expect(text).toContain("PermissionDenied");
      const view = await world.gateway.api("GET", "/plugins/asks_for_more");
      expect(JSON.stringify(view.body)).toContain("awaiting_approval");
    },
  },
  {
    name: "code_changed",
    tries: "changes its code under an unchanged manifest without anybody's notice",
    wall: "grants",
    strike: "return 'first';",
    check: async (world) => {
      const path = join(world.gateway.dir, "plugins/code_changed/plugin.ts");
      writeFileSync(path, readFileSync(path, "utf8").replace("'first'", "'second'"));
      expect((await world.gateway.api("POST", "/plugins/code_changed/reload")).status).toBe(200);
      await world.gateway.ask("code_changed", /^code_changed: second/);
      const { body } = await world.gateway.api("GET", "/audit?plugin=code_changed&limit=100");
      expect(JSON.stringify(body)).toMatch(/code/);
    },
  },
  {
    name: "heir_of_the_gone",
    tries: "takes the name of an accepted plugin whose folder is gone, to inherit its grants, data and secrets",
    wall: "grants",
    act: (world) =>
      inherit(
        world,
        (folder) => renameSync(folder, join(world.gateway.dir, "home/testator")),
        (folder) => renameSync(join(world.gateway.dir, "home/testator"), folder),
      ),
    check: DISINHERITED,
  },
  {
    name: "heir_of_the_broken",
    tries: "takes the name of an accepted plugin whose manifest is broken for a moment",
    wall: "grants",
    act: (world) =>
      inherit(
        world,
        (folder) => renameSync(manifestOf(folder), join(folder, "kept.yaml")),
        (folder) => renameSync(join(folder, "kept.yaml"), manifestOf(folder)),
      ),
    check: DISINHERITED,
  },
  {
    name: "swapped_folder",
    tries: "is another folder in the place of the accepted one, by a symbolic link",
    wall: "loader",
    strike: "return 'own';",
    check: async (world) => {
      const plugins = join(world.gateway.dir, "plugins");
      renameSync(join(plugins, "swapped_folder"), join(world.gateway.dir, "home/moved"));
      symlinkSync(join(plugins, "victim"), join(plugins, "swapped_folder"));
      await world.gateway.api("POST", "/plugins/swapped_folder/reload");
      expect(await world.gateway.state("victim")).toBe("running");
      await world.vitals();
      unlinkSync(join(plugins, "swapped_folder"));
      renameSync(join(world.gateway.dir, "home/moved"), join(plugins, "swapped_folder"));
    },
  },
];
