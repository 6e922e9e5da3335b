import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pluginSummary } from "../../api/contract/views.ts";
import { installOffline, versionsOffline } from "../../authoring/offline.ts";
import type { Config } from "../../config/schema.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { buildIndex, type IndexEntry } from "../../packages/index-file.ts";
import { entryOf } from "../../packages/trust/lock.ts";
import { judgeAge, judgeSigner } from "../../packages/trust/policy.ts";
import type { Client } from "../client/client.ts";
import { applyPlan } from "../packages/apply.ts";
import { FolderSource, type Found, openPackage, type Source } from "../packages/found.ts";
import { Indexes, type PackageIndex } from "../packages/indexes.ts";
import { planInstall } from "../packages/plan.ts";
import { planLines, readKnown } from "../packages/show.ts";
import { configuration } from "../verb/locate.ts";
import { json, line, note, readLine, table } from "../verb/output.ts";
import { withProgress } from "../verb/progress.ts";
import { type Call, done, textFlag, type Verb, whoami } from "../verb/verb.ts";

const AGREEING = {
  yes: { about: "accept what is shown without asking", short: "y" },
  from: { about: "folders with packages that it may need, separated by commas", value: "DIR" },
  "accept-signer": { about: "accept this signer, or `none`, in place of the one before", value: "FINGERPRINT" },
} as const;
/** A plugin's name, with a version or without, as an index knows it. */
const NAMED = /^([a-z][a-z0-9_]{0,63})(?:@(.{1,64}))?$/;

export const installVerbs: readonly Verb[] = [
  {
    name: "plugin install",
    summary: "check a package, show who signed it and what it asks for, accept and install it with the plugins that it needs",
    args: [{ name: "PACKAGE", about: "a package file, a folder, or NAME or NAME@VERSION in an index", values: "file" }],
    flags: {
      ...AGREEING,
      force: { about: "install an older version than the one before" },
    },
    run: install,
  },
  {
    name: "plugin update",
    summary: "install newer versions from the indexes, after showing the difference in permissions",
    args: [{ name: "NAME", about: "the plugin; without it all", optional: true, values: "plugin" }],
    flags: AGREEING,
    run: update,
  },
  {
    name: "plugin outdated",
    summary: "installed plugins of which an index has a newer version",
    run: outdated,
  },
  {
    name: "plugin search",
    summary: "packages in the indexes of the configuration (plugins.indexes)",
    args: [{ name: "WORD", about: "a part of the name or of the description; without it all", optional: true }],
    run: search,
  },
  {
    name: "plugin index build",
    summary: "list every package of a folder in its index.json, which anybody can host beside them",
    args: [{ name: "DIR", about: "the folder with the packages", values: "folder" }],
    async run({ io, args }) {
      const folder = resolve(io.cwd, args[0] ?? ".");
      const built = await withProgress(io, "reading the packages", () => buildIndex(folder));
      if (!built.ok) return built;
      line(io, `${folder}/index.json: ${built.value} package${built.value === 1 ? "" : "s"}`);
      return done;
    },
  },
];

/** What every verb that installs has looked up first. */
interface Surroundings {
  readonly config: Config;
  /** Null while no gateway runs. */
  readonly gateway: Client | null;
  /** Versions of the plugins that the gateway has. */
  readonly versions: ReadonlyMap<string, string>;
  readonly indexes: Indexes;
}

async function lookUp({ io, flags, client }: Call): Promise<Result<Surroundings>> {
  const loaded = configuration(io, flags);
  if (!loaded.ok) return loaded;
  const { config } = loaded.value;
  const indexes = new Indexes(config.plugins.indexes, (text) => note(io, text), io.signal);
  const gateway = await client();
  const listed = gateway.ok ? await gateway.value.list("/api/v1/plugins", pluginSummary) : gateway;
  if (gateway.ok && listed.ok) {
    return ok({ config, indexes, gateway: gateway.value, versions: new Map(listed.value.map(({ name, version }) => [name, version])) });
  }
  if (!listed.ok && listed.error.code !== "unavailable") return listed;
  return ok({ config, indexes, gateway: null, versions: versionsOffline(config) });
}

async function install(call: Call): Promise<Result<number>> {
  const { io, args } = call;
  const named = args[0] ?? "";
  const surroundings = await lookUp(call);
  if (!surroundings.ok) return surroundings;
  const path = resolve(io.cwd, named);
  const isPath = existsSync(path) || !NAMED.test(named);
  const found = isPath ? await openPackage(path, named) : await fromIndex(surroundings.value.indexes, named);
  if (!found.ok) return found;
  return installAll(call, surroundings.value, [found.value], isPath ? [new FolderSource(dirname(path))] : []);
}

async function fromIndex(indexes: Indexes, named: string): Promise<Result<Found>> {
  const [, name = "", version = "*"] = NAMED.exec(named) ?? [];
  const found = await indexes.find(name, version);
  if (!found.ok) return found;
  if (found.value !== null) return ok(found.value);
  const where = indexes.places.length === 0 ? "and the configuration names no index" : "and no index has it";
  return fail("not_found", `there is no file ${named}, ${where}`, { hint: "name a package file, or add an index to plugins.indexes" });
}

/** Plans, shows, asks, and carries it out: all of it or nothing. */
async function installAll(
  call: Call,
  surroundings: Surroundings,
  wanted: readonly Found[],
  beside: readonly Source[],
): Promise<Result<number>> {
  const { io, flags } = call;
  const known = readKnown(surroundings.config.data_dir);
  if (!known.ok) return known;
  const folders = (textFlag(flags, "from") ?? "").split(",").filter((folder) => folder !== "");
  const sources = [...beside, ...folders.map((folder) => new FolderSource(resolve(io.cwd, folder))), surroundings.indexes];
  const installed = (name: string) => surroundings.versions.get(name) ?? null;
  const plan = await withProgress(io, "looking for what it needs", () => planInstall(wanted, { installed, sources }));
  if (!plan.ok) return plan;
  for (const text of planLines(plan.value, known.value, surroundings.config)) note(io, text);
  const accepted = textFlag(flags, "accept-signer");
  // What is installed along with the wanted plugins is accepted by the flag only where that is its signer.
  const acceptSigner = (found: Found) =>
    wanted.includes(found) || accepted === (found.contents.signer?.fingerprint ?? "none") ? accepted : undefined;
  for (const found of plan.value) {
    const { manifest, signer } = found.contents;
    const offered = { name: manifest.name, version: manifest.version, signer: signer?.fingerprint ?? null };
    const entry = entryOf(known.value.lock, manifest.name);
    const age = judgeAge(offered, entry, flags.force === true);
    const judged = age.ok ? judgeSigner(offered, entry, acceptSigner(found)) : age;
    if (!judged.ok) return judged;
  }
  const agreed = await agree(call, plan.value);
  if (!agreed.ok) return agreed;
  if (!agreed.value) {
    note(io, "not installed");
    return ok(1);
  }
  const options = { force: flags.force === true, acceptSigner };
  return surroundings.gateway === null
    ? offline(call, surroundings.config, plan.value, accepted)
    : online(call, surroundings.gateway, plan.value, options);
}

async function online({ io, flags }: Call, gateway: Client, plan: readonly Found[], options: Parameters<typeof applyPlan>[2]) {
  const installed = await applyPlan(gateway, plan, options);
  if (!installed.ok) return installed;
  if (flags.json === true) json(io, plan.length === 1 ? installed.value[0] : installed.value);
  else for (const { name, version, state } of installed.value) line(io, `${name} ${version}: ${state}`);
  return done;
}

async function offline(
  { io, flags }: Call,
  config: Config,
  plan: readonly Found[],
  acceptSigner: string | undefined,
): Promise<Result<number>> {
  const packages = plan.map(({ contents }) => contents);
  const placed = await installOffline(config, packages, { force: flags.force === true, acceptSigner, who: whoami(io) });
  if (!placed.ok) return placed;
  const installed = packages.map(({ manifest: { name, version } }) => ({ name, version, state: "installed" }));
  if (flags.json === true) json(io, installed.length === 1 ? installed[0] : installed);
  else for (const { name, version } of installed) line(io, `${name} ${version}: installed; it starts with the gateway`);
  return done;
}

async function agree({ io, flags }: Call, plan: readonly Found[]): Promise<Result<boolean>> {
  if (flags.yes === true) return ok(true);
  if (!io.isTTY) {
    const names = plan.map(({ contents }) => contents.manifest.name).join(", ");
    return fail("permission_denied", `${names} was not installed: this is not a terminal, so the question cannot be asked`, {
      hint: "add --yes to accept what is shown above",
    });
  }
  io.stderr.write("install and accept? [y/N] ");
  return ok(/^y(es)?$/i.test((await readLine(io)).trim()));
}

/** An installed plugin and the newer version of it. */
interface Newer {
  readonly name: string;
  readonly installed: string;
  readonly index: PackageIndex;
  readonly entry: IndexEntry;
}

async function newer({ config, indexes }: Surroundings): Promise<Result<readonly Newer[]>> {
  const known = readKnown(config.data_dir);
  if (!known.ok) return known;
  const found: Newer[] = [];
  for (const [name, { active }] of Object.entries(known.value.lock.plugins)) {
    if (active === null) continue;
    for (const index of await indexes.all()) {
      const entry = index.best(name);
      if (entry === null || Bun.semver.order(entry.version, active.version) <= 0) continue;
      found.push({ name, installed: active.version, index, entry });
      break;
    }
  }
  return ok(found);
}

async function outdated(call: Call): Promise<Result<number>> {
  const { io, flags } = call;
  const surroundings = await lookUp(call);
  if (!surroundings.ok) return surroundings;
  const found = await newer(surroundings.value);
  if (!found.ok) return found;
  const rows = found.value.map(({ name, installed, entry, index }) => ({
    name,
    installed,
    available: entry.version,
    signer: entry.signer,
    index: index.place,
  }));
  if (flags.json === true) json(io, rows);
  else
    table(
      io,
      ["name", "installed", "available", "signer", "index"],
      rows.map((row) => [row.name, row.installed, row.available, row.signer ?? "not signed", row.index]),
    );
  return done;
}

async function update(call: Call): Promise<Result<number>> {
  const { io, args } = call;
  const surroundings = await lookUp(call);
  if (!surroundings.ok) return surroundings;
  const found = await newer(surroundings.value);
  if (!found.ok) return found;
  const chosen = found.value.filter(({ name }) => args[0] === undefined || name === args[0]);
  if (chosen.length === 0) {
    line(io, args[0] === undefined ? "everything is up to date" : `${args[0]}: no index has a newer version`);
    return done;
  }
  const packages: Found[] = [];
  for (const { index, entry } of chosen) {
    const taken = await index.take(entry);
    if (!taken.ok) return taken;
    packages.push(taken.value);
  }
  return installAll(call, surroundings.value, packages, []);
}

async function search(call: Call): Promise<Result<number>> {
  const { io, args, flags } = call;
  const loaded = configuration(io, flags);
  if (!loaded.ok) return loaded;
  const { indexes: places } = loaded.value.config.plugins;
  if (places.length === 0) return fail("not_found", "the configuration names no index", { hint: "add one to plugins.indexes" });
  const indexes = await new Indexes(places, (text) => note(io, text), io.signal).all();
  const word = (args[0] ?? "").toLowerCase();
  const rows = indexes.flatMap((index) => {
    const names = [...new Set(index.entries.map(({ name }) => name))].sort();
    const best = names.flatMap((name) => index.best(name) ?? []);
    const fits = best.filter(({ name, description }) => `${name} ${description.toLowerCase()}`.includes(word));
    return fits.map((entry) => ({ ...entry, index: index.place }));
  });
  if (flags.json === true) json(io, rows);
  else
    table(
      io,
      ["name", "version", "permissions", "signer", "index", "description"],
      rows.map((row) => [
        row.name,
        row.version,
        row.permissions.map(permissionName).join(", "),
        row.signer ?? "not signed",
        row.index,
        row.description,
      ]),
    );
  return indexes.length < places.length ? ok(1) : done;
}

function permissionName(entry: unknown): string {
  return typeof entry === "string" ? entry : Object.keys(entry ?? {}).join(", ");
}
