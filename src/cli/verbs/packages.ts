import { readFileSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import * as v from "valibot";
import { pluginDetail, pluginSummary } from "../../api/contract/views.ts";
import { installOffline, removeOffline } from "../../authoring/offline.ts";
import { packFolder } from "../../authoring/pack.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { BACKUP_LIMITS } from "../../packages/backup.ts";
import { PACKAGE_LIMITS, type PluginPackage, readPackage } from "../../packages/package.ts";
import { toEntry } from "../../permissions/grammar/descriptor.ts";
import { explainRisk } from "../../permissions/risk.ts";
import { writeFileAtomically } from "../../storage/atomic.ts";
import type { Client } from "../client/client.ts";
import { configuration } from "../verb/locate.ts";
import { json, line, note, readLine } from "../verb/output.ts";
import { type Call, done, type Io, misuse, textFlag, type Verb } from "../verb/verb.ts";
import { pluginPath } from "./plugins.ts";

export const packageVerbs: readonly Verb[] = [
  {
    name: "plugin pack",
    usage: "DIR [-o FILE]",
    summary: "pack a plugin with its dependencies into one file; the same folder gives the same bytes",
    flags: { output: "text" },
    args: [1, 1],
    run: pack,
  },
  {
    name: "plugin install",
    usage: "FILE|DIR [--yes] [--force]",
    summary: "check a package, show the permissions it asks for, accept and install it",
    flags: { yes: "switch", force: "switch" },
    args: [1, 1],
    run: install,
  },
  {
    name: "plugin remove",
    usage: "NAME [--purge]",
    summary: "remove an installed plugin with its grants and secrets; --purge: also its data",
    flags: { purge: "switch" },
    args: [1, 1],
    run: remove,
  },
  {
    name: "plugin export",
    usage: "NAME [-o FILE]",
    summary: "export a plugin's data and configuration to a file, without its secrets",
    flags: { output: "text" },
    args: [1, 1],
    run: exportData,
  },
  {
    name: "plugin import",
    usage: "NAME FILE|--empty",
    summary: "import an exported file; --empty: set the data aside, such as a damaged database, and start without",
    flags: { empty: "switch" },
    args: [1, 2],
    async run({ io, args, flags, client }) {
      if (flags.empty === true && args.length === 1) {
        const gateway = await client();
        if (!gateway.ok) return gateway;
        const done = await gateway.value.call("DELETE", `${pluginPath(args[0])}/data`, pluginSummary);
        return done.ok ? tell(io, flags.json === true, done.value) : done;
      }
      if (flags.empty === true || args.length === 1) return misuse("either a FILE or --empty is needed");
      const bytes = readFile(io, args[1] ?? "", BACKUP_LIMITS.packed);
      if (!bytes.ok) return bytes;
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const done = await gateway.value.upload(`${pluginPath(args[0])}/import`, bytes.value, pluginSummary);
      return done.ok ? tell(io, flags.json === true, done.value) : done;
    },
  },
];

async function pack({ io, args, flags }: Call): Promise<Result<number>> {
  const packed = await packFolder(resolve(io.cwd, args[0] ?? "."));
  if (!packed.ok) return packed;
  const { bytes, contents, file } = packed.value;
  const path = resolve(io.cwd, textFlag(flags, "output") ?? file);
  const written = writeOut(path, bytes, 0o644);
  if (!written.ok) return written;
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  if (flags.json === true) json(io, { file: path, bytes: bytes.length, sha256, files: [...contents.files.keys()] });
  else {
    line(io, relative(io.cwd, path));
    note(io, `${contents.files.size} files, ${Math.ceil(bytes.length / 1024)} KB, sha256 ${sha256}`);
  }
  return done;
}

async function install(call: Call): Promise<Result<number>> {
  const { io, args, flags, client } = call;
  const found = await load(io, args[0] ?? "");
  if (!found.ok) return found;
  const contents = readPackage(found.value);
  if (!contents.ok) return contents;
  const agreed = await agree(call, contents.value);
  if (!agreed.ok) return agreed;
  if (!agreed.value) {
    note(io, "not installed");
    return ok(1);
  }
  const gateway = await client();
  const running = gateway.ok ? await online(gateway.value, found.value, contents.value, flags.force === true) : gateway;
  if (running.ok) return tell(io, flags.json === true, running.value);
  if (running.error.code !== "unavailable") return running;
  const { manifest } = contents.value;
  const loaded = configuration(io, flags);
  if (!loaded.ok) return loaded;
  const placed = await installOffline(loaded.value.config, contents.value, whoami(io));
  if (!placed.ok) return placed;
  if (flags.json === true) json(io, { name: manifest.name, version: manifest.version, state: "installed" });
  else line(io, `${manifest.name} ${manifest.version}: installed; it starts with the gateway`);
  return done;
}

/** A folder is packed first, so that a file and a folder are installed in the same way. */
async function load(io: Io, name: string): Promise<Result<Uint8Array>> {
  const path = resolve(io.cwd, name);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return readFile(io, name, PACKAGE_LIMITS.packed);
  const packed = await packFolder(path);
  return packed.ok ? ok(packed.value.bytes) : packed;
}

/** Shows the requested permissions with their risks, and asks whether to accept them. */
async function agree({ io, flags }: Call, { manifest }: PluginPackage): Promise<Result<boolean>> {
  note(io, `${manifest.name} ${manifest.version} by ${manifest.author}: ${manifest.description}`);
  note(io, manifest.permissions.length === 0 ? "It asks for no permissions." : "It asks for:");
  for (const permission of manifest.permissions) {
    const { words, risk } = explainRisk(toEntry(permission));
    note(io, `  ${words}`);
    note(io, `      ${risk}`);
  }
  if (flags.yes === true) return ok(true);
  if (!io.isTTY) {
    return fail("permission_denied", `${manifest.name} was not installed: this is not a terminal, so the question cannot be asked`, {
      hint: "add --yes to accept what is shown above",
    });
  }
  io.stderr.write("install and accept? [y/N] ");
  return ok(/^y(es)?$/i.test((await readLine(io)).trim()));
}

/** Installs through the running gateway. Accepts only the permission set that was shown; a different one waits. */
async function online(
  gateway: Client,
  bytes: Uint8Array,
  { manifest }: PluginPackage,
  force: boolean,
): Promise<Result<v.InferOutput<typeof pluginSummary>>> {
  const placed = await gateway.upload(`/api/v1/plugins?force=${force}`, bytes, pluginSummary);
  if (!placed.ok) return placed;
  const { state, pending } = placed.value;
  if (state !== "awaiting_approval" && !pending) return placed;
  const detail = await gateway.get(pluginPath(manifest.name), pluginDetail);
  if (!detail.ok) return detail;
  const { requested, permission_hash } = detail.value.permissions;
  const same = JSON.stringify(requested) === JSON.stringify(manifest.permissions.map(toEntry));
  if ((detail.value.pending?.version ?? detail.value.version) !== manifest.version || !same) return placed;
  return gateway.call("POST", `${pluginPath(manifest.name)}/enable`, pluginSummary, { accept: permission_hash });
}

async function remove({ io, args, flags, client }: Call): Promise<Result<number>> {
  const [name = ""] = args;
  const purge = flags.purge === true;
  const gateway = await client();
  const removed = gateway.ok ? await gateway.value.call("DELETE", `${pluginPath(name)}?purge=${purge}`, v.undefined()) : gateway;
  if (!removed.ok && removed.error.code !== "unavailable") return removed;
  if (!removed.ok) {
    const loaded = configuration(io, flags);
    if (!loaded.ok) return loaded;
    const offline = await removeOffline(loaded.value.config, name, purge, whoami(io));
    if (!offline.ok) return offline;
  }
  line(io, `${name}: removed${purge ? " with its data" : "; its data is kept for a later install (--purge removes it)"}`);
  return done;
}

async function exportData({ io, args, flags, client }: Call): Promise<Result<number>> {
  const [name = ""] = args;
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const bytes = await gateway.value.download(`${pluginPath(name)}/export`);
  if (!bytes.ok) return bytes;
  const path = resolve(io.cwd, textFlag(flags, "output") ?? `${name}.zgd`);
  const written = writeOut(path, bytes.value, 0o600);
  if (!written.ok) return written;
  line(io, relative(io.cwd, path));
  return done;
}

function readFile(io: Io, name: string, most: number): Result<Uint8Array> {
  const path = resolve(io.cwd, name);
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return fail("invalid_argument", `${name} is not a file`);
    if (stats.size > most) return fail("too_large", `${name} is larger than ${most / 2 ** 20} MB`);
    return ok(readFileSync(path));
  } catch (cause) {
    return fail("not_found", `cannot read ${name}: ${(cause as NodeJS.ErrnoException).code ?? "unknown error"}`, { cause });
  }
}

function writeOut(path: string, bytes: Uint8Array, mode: number): Result<null> {
  try {
    writeFileAtomically(path, bytes, { mode });
    return ok(null);
  } catch (cause) {
    return fail("data_unusable", `cannot write ${path}: ${(cause as NodeJS.ErrnoException).code ?? "unknown error"}`, { cause });
  }
}

function tell(io: Io, machine: boolean, plugin: v.InferOutput<typeof pluginSummary>): Result<number> {
  if (machine) json(io, plugin);
  else line(io, `${plugin.name} ${plugin.version}: ${plugin.state}${plugin.reason ? ` (${plugin.reason})` : ""}`);
  return done;
}

function whoami(io: Io): string {
  return `cli ${io.env.USER ?? "unknown"}`;
}
