import { relative, resolve } from "node:path";
import * as v from "valibot";
import { type PluginImported, pluginImported, pluginSummary } from "../../api/contract/views.ts";
import { removeOffline, useOffline } from "../../authoring/offline.ts";
import { packFolder } from "../../authoring/pack.ts";
import { failBecause, ok, type Result } from "../../errors.ts";
import { BACKUP_LIMITS } from "../../packages/backup.ts";
import { readSigningKey } from "../../packages/trust/keys.ts";
import { writeFileAtomically } from "../../storage/atomic.ts";
import { pluginPath } from "../client/paths.ts";
import { readBytes } from "../packages/found.ts";
import { configuration } from "../verb/locate.ts";
import { json, line, note } from "../verb/output.ts";
import { withProgress } from "../verb/progress.ts";
import { type Call, done, misuse, textFlag, type Verb, whoami } from "../verb/verb.ts";
import { tell } from "./plugins.ts";

export const packageVerbs: readonly Verb[] = [
  {
    name: "plugin pack",
    summary: "pack a plugin with its dependencies into one file; the same folder gives the same bytes; --sign: with this Ed25519 key",
    args: [{ name: "DIR", about: "the plugin's folder", values: "folder" }],
    flags: {
      output: { about: "where to write the package", value: "FILE", short: "o" },
      sign: { about: "sign it with this Ed25519 key (PKCS#8 PEM)", values: "file", value: "KEY" },
    },
    run: pack,
  },
  {
    name: "plugin use",
    summary: "make the version that is kept beside the active one the active one",
    args: [
      { name: "NAME", about: "the plugin's name", values: "plugin" },
      { name: "VERSION", about: "the version to change to" },
    ],
    run: use,
  },
  {
    name: "plugin remove",
    summary: "remove an installed plugin with its grants and secrets; --purge: also its data",
    args: [{ name: "NAME", about: "the plugin's name", values: "plugin" }],
    flags: { purge: { about: "delete its data, too" } },
    run: remove,
  },
  {
    name: "plugin export",
    summary: "export a plugin's data and configuration to a file, without its secrets",
    args: [{ name: "NAME", about: "the plugin's name", values: "plugin" }],
    flags: { output: { about: "where to write it; without it NAME.zgd", value: "FILE", short: "o" } },
    run: exportData,
  },
  {
    name: "plugin import",
    summary: "import an exported file; --empty: set the data aside, such as a damaged database, and start without",
    args: [
      { name: "NAME", about: "the plugin's name", values: "plugin" },
      { name: "FILE", about: "what `plugin export` wrote", optional: true, values: "file" },
    ],
    flags: { empty: { about: "import nothing: set the data aside and start without" } },
    async run({ io, args, flags, client }) {
      if (flags.empty === true && args.length === 1) {
        const gateway = await client();
        if (!gateway.ok) return gateway;
        const emptied = await gateway.value.call("DELETE", `${pluginPath(args[0])}/data`, pluginSummary);
        return emptied.ok ? tell(io, flags.json === true, emptied.value) : emptied;
      }
      if (flags.empty === true || args.length === 1) return misuse("either a FILE or --empty is needed");
      const file = args[1] ?? "";
      const bytes = readBytes(resolve(io.cwd, file), file, BACKUP_LIMITS.packed);
      if (!bytes.ok) return bytes;
      const gateway = await client();
      if (!gateway.ok) return gateway;
      const imported = await gateway.value.upload(`${pluginPath(args[0])}/import`, bytes.value, pluginImported);
      return imported.ok ? tellImported(io, flags.json === true, imported.value) : imported;
    },
  },
];

function tellImported(io: Call["io"], machine: boolean, plugin: PluginImported): Result<number> {
  const { rows, left } = plugin.imported;
  const told = tell(io, machine, plugin);
  if (machine) return told;
  const taken = Object.entries(rows).map(([table, count]) => `${table} ${count}`);
  line(io, `taken: ${taken.length === 0 ? "nothing" : taken.join(", ")}`);
  for (const { what, reason, count } of left) line(io, `left: ${count} of ${what}: ${reason}`);
  return told;
}

async function pack({ io, args, flags }: Call): Promise<Result<number>> {
  const keyFile = textFlag(flags, "sign");
  const key = keyFile === undefined ? ok(null) : await readSigningKey(resolve(io.cwd, keyFile));
  if (!key.ok) return key;
  const packed = await withProgress(io, "packing", () => packFolder(resolve(io.cwd, args[0] ?? "."), key.value));
  if (!packed.ok) return packed;
  const { bytes, contents, file } = packed.value;
  const path = resolve(io.cwd, textFlag(flags, "output") ?? file);
  const written = writeOut(path, bytes, 0o644);
  if (!written.ok) return written;
  const sha256 = new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const signer = key.value?.fingerprint ?? null;
  if (flags.json === true) json(io, { file: path, bytes: bytes.length, sha256, signer, files: [...contents.files.keys()] });
  else {
    line(io, relative(io.cwd, path));
    note(io, `${contents.files.size} files, ${Math.ceil(bytes.length / 1024)} KB, sha256 ${sha256}`);
    if (signer !== null) note(io, `signed by ${signer}`);
  }
  return done;
}

async function use({ io, args, flags, client }: Call): Promise<Result<number>> {
  const [name = "", version = ""] = args;
  const gateway = await client();
  const used = gateway.ok ? await gateway.value.call("POST", `${pluginPath(name)}/use`, pluginSummary, { version }) : gateway;
  if (used.ok) return tell(io, flags.json === true, used.value);
  if (used.error.code !== "unavailable") return used;
  const loaded = configuration(io, flags);
  if (!loaded.ok) return loaded;
  const offline = await useOffline(loaded.value.config, name, version, whoami(io));
  if (!offline.ok) return offline;
  line(io, `${name} ${version}: active; it starts with the gateway`);
  return done;
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

function writeOut(path: string, bytes: Uint8Array, mode: number): Result<null> {
  try {
    writeFileAtomically(path, bytes, { mode });
    return ok(null);
  } catch (cause) {
    return failBecause(cause, "data_unusable", `cannot write ${path}`);
  }
}
