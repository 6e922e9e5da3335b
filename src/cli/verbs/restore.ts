import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { readArchive } from "../../backup/archive.ts";
import type { BackupHead } from "../../backup/head.ts";
import { fileSink, verifyBackup } from "../../backup/make.ts";
import { newerProgram, restoreBackup } from "../../backup/restore.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { writeFileAtomically } from "../../storage/atomic.ts";
import { lockDataFolder } from "../../storage/lock.ts";
import { VERSION } from "../../version.ts";
import { configuration } from "../verb/locate.ts";
import { ago, json, line, note, readLine } from "../verb/output.ts";
import { askPassphrase } from "../verb/passphrase.ts";
import { withProgress } from "../verb/progress.ts";
import { type Call, done, textFlag } from "../verb/verb.ts";

interface Target {
  readonly dataDir: string;
  readonly configFile: string;
  /** Nothing is configured here yet: the backup's configuration says where the data folder is. */
  readonly isNew: boolean;
}

export async function restore(call: Call): Promise<Result<number>> {
  const { io, args } = call;
  const file = resolve(io.cwd, args[0] ?? "");
  const scratch = mkdtempSync(join(tmpdir(), "zephyrgate-restore-"));
  try {
    const verified = await withProgress(call.io, "checking the backup", () => verifyBackup(file, scratch));
    if (!verified.ok) return verified;
    const newer = newerProgram(verified.value, VERSION);
    if (newer !== null) return { ok: false, error: newer };
    const target = await findTarget(call, file, scratch);
    if (!target.ok) return target;
    const restored = await confirmAndRestore(call, file, verified.value, target.value);
    if (target.value.isNew && !(restored.ok && restored.value === 0)) rmSync(target.value.configFile, { force: true });
    return restored;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function confirmAndRestore(call: Call, file: string, head: BackupHead, target: Target): Promise<Result<number>> {
  const agreed = await agree(call, head, target);
  if (!agreed.ok || !agreed.value) return agreed.ok ? ok(1) : agreed;
  const passphrase = call.flags["with-secrets"] === true ? await askPassphrase(call.io) : ok(undefined);
  return passphrase.ok ? await putInPlace(call, file, target, passphrase.value) : passphrase;
}

/** Where it goes: as the gateway would find it, else where --config points, with what the backup's configuration says. */
async function findTarget({ io, flags }: Call, file: string, scratch: string): Promise<Result<Target>> {
  const given = textFlag(flags, "config");
  const wanted = resolve(io.cwd, given ?? "config.yaml");
  const isNew = given !== undefined && !existsSync(wanted);
  if (isNew) {
    const copy = join(scratch, "config.yaml");
    const read = await readArchive(file, ({ place }) => (place === "config" ? fileSink(copy) : null));
    if (!read.ok) return read;
    // Relative paths in it count from its own folder.
    if (existsSync(copy)) writeFileAtomically(wanted, await Bun.file(copy).bytes(), { mode: 0o600 });
  }
  const loaded = configuration(io, existsSync(wanted) || given === undefined ? flags : without(flags, "config"));
  if (!loaded.ok) return loaded;
  return ok({ dataDir: loaded.value.config.data_dir, configFile: loaded.value.file ?? wanted, isNew });
}

function without(flags: Call["flags"], name: string): Call["flags"] {
  return Object.fromEntries(Object.entries(flags).filter(([key]) => key !== name));
}

async function agree({ io, flags }: Call, head: BackupHead, target: Target): Promise<Result<boolean>> {
  const plugins = new Set(head.files.flatMap(({ path }) => /^(?:plugins|isolated)\/([^/]+)\//.exec(path)?.[1] ?? []));
  const what = flags["only-database"] === true ? "the core database (grants, decisions, messages, nodes)" : "the whole gateway";
  note(
    io,
    `made ${ago(head.made_at)} (${head.made_at}) by zephyrgate ${head.program}: ${head.files.length} files, data of ${plugins.size} plugins`,
  );
  if (!head.files.some(({ place }) => place === "sealed")) note(io, "it holds no secrets: the present ones stay");
  for (const { plugin, reason } of head.skipped) note(io, `it has no data of ${plugin}: ${reason}`);
  note(io, `restores ${what} into ${target.dataDir}; all that happened since is lost from there, but kept in a folder beside it`);
  if (flags.yes === true) return ok(true);
  if (!io.isTTY) return fail("invalid_argument", "a restore replaces what is there", { hint: "add --yes to do it without a question" });
  io.stderr.write("restore it? [y/N] ");
  return ok(/^y(?:es)?$/i.test((await readLine(io)).trim()));
}

/** Why the gateway would not start with the configuration of a backup; null: it can use it, or there is none. */
async function whyUnusable({ io, flags }: Call, file: string, { dataDir, configFile }: Target): Promise<string | null> {
  // Beside the present one, because relative paths count from its folder.
  const beside = join(dirname(configFile), `.restore-${crypto.randomUUID().slice(0, 8)}.yaml`);
  try {
    const read = await readArchive(file, ({ place }) => (place === "config" ? fileSink(beside) : null));
    if (!read.ok || !existsSync(beside)) return null;
    const loaded = configuration(io, { ...flags, config: beside });
    if (!loaded.ok) return loaded.error.message.replaceAll(beside, "configuration in the backup");
    const { data_dir: there } = loaded.value.config;
    return there === dataDir ? null : `its data_dir is ${there}, not ${dataDir}`;
  } finally {
    rmSync(beside, { force: true });
  }
}

async function putInPlace(call: Call, file: string, target: Target, passphrase: string | undefined): Promise<Result<number>> {
  const { io, flags } = call;
  const { dataDir } = target;
  const lock = lockDataFolder(dataDir);
  if (!lock.ok) {
    const running = lock.error.code === "data_locked";
    return running ? fail("data_locked", "the gateway runs", { where: dataDir, hint: "stop it, restore, and start it again" }) : lock;
  }
  try {
    const coreOnly = flags["only-database"] === true;
    const unusable = coreOnly || target.isNew ? null : await whyUnusable(call, file, target);
    if (unusable !== null) note(io, `the configuration in it is not restored, the present one stays: ${unusable}`);
    const configFile = unusable === null ? target.configFile : null;
    const restored = await withProgress(io, "restoring", () =>
      restoreBackup(file, { dataDir, configFile, passphrase, coreOnly, now: Date.now(), program: VERSION, by: "the command line" }),
    );
    if (!restored.ok) return restored;
    const { aside } = restored.value;
    if (flags.json === true) json(io, { data_dir: dataDir, config: target.configFile, before: aside });
    else line(io, `restored into ${dataDir}; what was there before is in ${aside}`);
    return done;
  } finally {
    lock.value.release();
  }
}
