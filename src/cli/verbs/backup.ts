import { copyFileSync, existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type * as v from "valibot";
import { backupView } from "../../api/routes/backups.ts";
import { listBackups, pruneBackups } from "../../backup/kept.ts";
import { makeBackup } from "../../backup/make.ts";
import { systemRandom } from "../../clock.ts";
import { fail, failBecause, ok, type Result } from "../../errors.ts";
import { replaceFile } from "../../storage/atomic.ts";
import { discard } from "../../storage/folders.ts";
import { lockDataFolder } from "../../storage/lock.ts";
import { VERSION } from "../../version.ts";
import { configuration } from "../verb/locate.ts";
import { ago, json, line, note, table } from "../verb/output.ts";
import { askPassphrase } from "../verb/passphrase.ts";
import { withProgress } from "../verb/progress.ts";
import { type Call, done, type Verb } from "../verb/verb.ts";
import { restore } from "./restore.ts";

type Made = v.InferOutput<typeof backupView>;

export const backupVerbs: readonly Verb[] = [
  {
    name: "backup",
    summary: "back up the whole gateway into one file; it may run meanwhile",
    args: [{ name: "FILE", about: "where to write it; without it into backups/ of the data folder", optional: true, values: "file" }],
    flags: {
      "with-secrets": { about: "put the credentials in, sealed by a passphrase (the first line of standard input)" },
      list: { about: "list the backups that are kept instead of making one" },
    },
    run: backup,
  },
  {
    name: "restore",
    summary: "restore a backup; the gateway must be stopped, and what is there now is kept beside it",
    args: [{ name: "FILE", about: "the backup", values: "file" }],
    flags: {
      yes: { about: "do not ask", short: "y" },
      "with-secrets": { about: "restore the credentials too; the passphrase is the first line of standard input" },
      "only-database": { about: "restore the core database alone, and leave configuration and plugins as they are" },
    },
    run: restore,
  },
];

async function backup(call: Call): Promise<Result<number>> {
  const { io, args, flags } = call;
  if (flags.list === true) return list(call);
  const passphrase = flags["with-secrets"] === true ? await askPassphrase(io) : ok(undefined);
  if (!passphrase.ok) return passphrase;
  const made = await make(call, passphrase.value);
  if (!made.ok) return made;
  const path = args[0] === undefined ? ok(made.value.path) : takeOut(made.value.path, resolve(io.cwd, args[0]));
  if (!path.ok) return path;
  if (flags.json === true) json(io, { ...made.value, path: path.value });
  else line(io, path.value);
  note(io, `${Math.ceil(made.value.bytes / 1024)} KB, verified${passphrase.value === undefined ? "; without the secrets" : ""}`);
  for (const { plugin, reason } of made.value.skipped ?? []) note(io, `WITHOUT the data of ${plugin}: ${reason}`);
  return (made.value.skipped ?? []).length === 0 ? done : ok(1);
}

/** The running gateway makes it; without one, the files are copied as they are. */
async function make({ io, flags, client }: Call, passphrase: string | undefined): Promise<Result<Made>> {
  const gateway = await client();
  const body = passphrase === undefined ? {} : { passphrase };
  const running = gateway.ok ? await gateway.value.call("POST", "/api/v1/backups", backupView, body) : gateway;
  if (running.ok || running.error.code !== "unavailable") return running;
  const loaded = configuration(io, flags);
  if (!loaded.ok) return loaded;
  const { config, file: configFile } = loaded.value;
  const dataDir = config.data_dir;
  if (!existsSync(join(dataDir, "gateway.db")))
    return fail("not_found", `no gateway has run with the data folder ${dataDir}`, { hint: "say which with --config or --data-dir" });
  const lock = lockDataFolder(dataDir);
  if (!lock.ok) return lock;
  try {
    const what = { dataDir, configFile, logFile: config.log.file, kind: "manual", program: VERSION, passphrase } as const;
    const made = await withProgress(io, "copying", () => makeBackup({ ...what, now: Date.now(), random: systemRandom, live: null }));
    if (!made.ok) return made;
    const { name, path, bytes, head } = made.value;
    pruneBackups(dataDir, config.backup.keep, name);
    return ok({ name, path, bytes, kind: head.kind, made_at: head.made_at, skipped: head.skipped });
  } finally {
    lock.value.release();
  }
}

function takeOut(from: string, to: string): Result<string> {
  const beside = `${to}.part`;
  try {
    copyFileSync(from, beside);
    replaceFile(beside, to);
    rmSync(from, { force: true });
    return ok(to);
  } catch (cause) {
    discard(beside);
    return failBecause(cause, "data_unusable", `cannot write ${to}`, { hint: `the backup is in ${from}` });
  }
}

async function list({ io, flags }: Call): Promise<Result<number>> {
  const loaded = configuration(io, flags);
  if (!loaded.ok) return loaded;
  const kept = listBackups(loaded.value.config.data_dir);
  const rows = kept.map(({ name, kind, madeAt, bytes }) => [name, kind, ago(new Date(madeAt).toISOString()), Math.ceil(bytes / 1024)]);
  if (flags.json === true) json(io, kept);
  else table(io, ["name", "kind", "made", "KB"], rows);
  return done;
}
