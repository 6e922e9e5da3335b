import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { AccessStore, type StoredToken } from "../api/access/store.ts";
import type { RestoreChoice } from "../api/contract/control.ts";
import type { RestoreReview } from "../api/contract/views.ts";
import { contentsOf } from "../backup/contents.ts";
import { backupName, backupsFolder, findBackup, type KeptBackup, pruneBackups } from "../backup/kept.ts";
import { fileSink, inspectBackup, type OpenedBackup } from "../backup/make.ts";
import { decideRestore, isRestoreDecided, newerProgram } from "../backup/restore.ts";
import { sleep } from "../clock.ts";
import { changedKeys, isMap, type JsonObject } from "../config/merge.ts";
import { asGatewayError, fail, GatewayError, issueLine, ok, type Result } from "../errors.ts";
import { copyJson } from "../json-reader.ts";
import { codeOf, replaceFile, writeFileAtomically } from "../storage/atomic.ts";
import { readCoreCopy } from "../storage/core-open.ts";
import { makeFolder } from "../storage/folders.ts";
import { VERSION } from "../version.ts";
import type { GatewayContext } from "./context/context.ts";
import { SCHEMAS, type Storage } from "./context/storage.ts";
import { lossesOf, pluginsAmong } from "./losses.ts";
import type { Mesh } from "./mesh/mesh.ts";

/** An upload that stands still for so long is given up. */
const STALL_MS = 60_000;
/** The answer to whoever decided it goes out before the gateway ends. */
const RESTART_AFTER_MS = 500;

type Configuration = RestoreReview["configuration"];

/** Puts a backup in the place of what the running gateway has: it is verified and unpacked beside it, and the restart puts it in place. */
export class Restores {
  #isReceiving = false;

  constructor(
    private readonly context: GatewayContext,
    private readonly storage: Storage,
    private readonly mesh: Pick<Mesh, "received" | "outbox">,
  ) {}

  /** Takes a file piece by piece, and keeps it among the backups when it is a good one. */
  async receive(chunks: AsyncIterable<Uint8Array>, by: string): Promise<Result<KeptBackup>> {
    if (this.#isReceiving) return fail("conflict", "another backup is being uploaded", { hint: "wait for its end" });
    this.#isReceiving = true;
    try {
      return await this.#inScratch(async (scratch) => {
        const unfinished = join(scratch, "upload");
        await this.#write(chunks, unfinished);
        const read = await inspectBackup(unfinished, scratch, ({ head, core }) => this.#judge(head, core));
        if (!read.ok) return read;
        const name = backupName("uploaded", Date.parse(read.value.head.made_at));
        replaceFile(unfinished, join(backupsFolder(this.#dataDir), name));
        pruneBackups(this.#dataDir, this.context.config().backup.keep, name);
        this.storage.note(null, "backup", `${by}: uploaded ${name}`);
        const kept = findBackup(this.#dataDir, name);
        return kept === null ? fail("data_unusable", "the upload cannot be found again", { where: name }) : ok(kept);
      });
    } finally {
      this.#isReceiving = false;
    }
  }

  /** Verifies a backup and compares it with what is there. */
  review(backup: KeptBackup): Promise<Result<RestoreReview>> {
    return this.#inScratch((scratch) =>
      inspectBackup(backup.path, scratch, (opened) => {
        const judged = this.#judge(opened.head, opened.core);
        return judged.ok ? ok(this.#compare(backup.name, opened, judged.value.tokens)) : judged;
      }),
    );
  }

  /** Unpacks a backup beside what is there, decides that it takes its place, and restarts the gateway. */
  async begin(backup: KeptBackup, choice: RestoreChoice, by: string): Promise<Result<{ readonly before: string }>> {
    const { restart, clock, loaded, log } = this.context;
    if (restart === undefined)
      return fail("unavailable", "this gateway cannot restart itself", { hint: "stop it, and use: zephyrgate restore" });
    if (isRestoreDecided(this.#dataDir))
      return fail("conflict", "a restore has been decided already", { hint: "it takes place with the next start" });
    const reviewed = await this.review(backup);
    if (!reviewed.ok) return reviewed;
    const { configuration } = reviewed.value;
    const wantsConfiguration = choice.scope === "all" && choice.configuration && configuration.state !== "absent";
    if (wantsConfiguration && configuration.state === "unusable")
      return fail("conflict", `the configuration in this backup cannot be restored: ${configuration.reason ?? ""}`, {
        hint: "restore it without the configuration",
      });
    const decided = await decideRestore(backup.path, {
      dataDir: this.#dataDir,
      configFile: wantsConfiguration ? loaded.file : null,
      passphrase: choice.passphrase,
      coreOnly: choice.scope === "database",
      now: clock.now(),
      program: VERSION,
      by,
    });
    if (!decided.ok) return decided;
    this.storage.note(null, "restore", `${by}: ${backup.name}`);
    log.logger.warn(`restoring ${backup.name}, as ${by} decided: the gateway restarts`);
    clock.after(RESTART_AFTER_MS, () => restart(`restoring ${backup.name}`));
    return ok({ before: decided.value.aside });
  }

  get #dataDir(): string {
    return this.context.config().data_dir;
  }

  /** Whether this program can use it; the tokens in it, for comparison. */
  #judge(head: OpenedBackup["head"], core: string | null): Result<{ head: OpenedBackup["head"]; tokens: readonly StoredToken[] }> {
    const newer = newerProgram(head, VERSION);
    if (newer !== null) return { ok: false, error: newer };
    if (core === null) return fail("data_unusable", "this backup has no database", { hint: "take another one" });
    const tokens = readCoreCopy(core, SCHEMAS, (sqlite) => {
      const hasTokens = sqlite.query("SELECT 1 FROM sqlite_master WHERE name = 'access_tokens'").get() !== null;
      return hasTokens ? new AccessStore({ sqlite, write: (work) => work() }).tokens() : [];
    });
    return tokens.ok ? ok({ head, tokens: tokens.value }) : tokens;
  }

  #compare(name: string, { head, config }: OpenedBackup, tokens: readonly StoredToken[]): RestoreReview {
    const madeAt = Date.parse(head.made_at);
    const present = contentsOf(this.#dataDir, () => false).files;
    const plugins = pluginsAmong(head.files.map(({ path }) => path));
    const sum = (counts: readonly number[]) => counts.reduce((total, each) => total + each, 0);
    return {
      name,
      made_at: head.made_at,
      program: head.program,
      files: head.files.length,
      bytes: sum(head.files.map(({ size }) => size)),
      plugins,
      skipped: head.skipped,
      has_secrets: head.files.some(({ place }) => place === "sealed"),
      configuration: this.#compareConfiguration(config),
      lost: lossesOf({
        received: sum(this.mesh.received.countByHour(madeAt).map(({ received }) => received)),
        sent: sum(this.mesh.outbox.countByHour(madeAt).map(({ sent, failed }) => sent + failed)),
        newPlugins: pluginsAmong(present).filter((plugin) => !plugins.includes(plugin)),
        tokensNow: new AccessStore(this.storage.database).tokens(),
        tokensThen: tokens,
      }),
    };
  }

  #compareConfiguration(config: string | null): Configuration {
    const { loaded, readConfig } = this.context;
    const unusable = (reason: string): Configuration => ({ state: "unusable", keys: [], reason });
    if (config === null) return { state: "absent", keys: [], reason: null };
    if (loaded.file === null || readConfig === undefined) return unusable("this gateway runs without a configuration file");
    const text = readFileSync(config);
    // Beside the present one, because relative paths count from its folder; this also shows whether it can be written.
    const beside = join(dirname(loaded.file), `.restore-${crypto.randomUUID().slice(0, 8)}.yaml`);
    try {
      writeFileAtomically(beside, text, { mode: 0o600 });
      if (Buffer.compare(text, readFileSync(loaded.file)) === 0) return { state: "same", keys: [], reason: null };
      const next = readConfig(beside);
      if (!next.ok)
        return unusable(
          next.error
            .slice(0, 5)
            .map((issue) => issueLine({ ...issue, file: "configuration in the backup" }))
            .join("; "),
        );
      if (next.value.config.data_dir !== this.#dataDir)
        return unusable(`its data_dir is ${next.value.config.data_dir}, not ${this.#dataDir}`);
      // An edit may be newer than what is in force.
      const present = readConfig(loaded.file);
      const now = present.ok ? present.value.config : this.context.config();
      return { state: "differs", keys: changedKeys(asJson(now), asJson(next.value.config)), reason: null };
    } catch (thrown) {
      return unusable(`${loaded.file} cannot be written by the gateway (${codeOf(thrown)})`);
    } finally {
      rmSync(beside, { force: true });
    }
  }

  async #write(chunks: AsyncIterable<Uint8Array>, path: string): Promise<void> {
    const sink = fileSink(path);
    try {
      const iterator = chunks[Symbol.asyncIterator]();
      for (;;) {
        const end = new AbortController();
        const stalled = sleep(this.context.clock, STALL_MS, end.signal).then(() => null);
        const next = await Promise.race([iterator.next(), stalled]);
        end.abort();
        if (next === null) throw new GatewayError("timeout", "the upload stood still", { hint: "send it again" });
        if (next.done === true) return;
        sink.write(next.value);
      }
    } finally {
      sink.end();
    }
  }

  async #inScratch<T>(work: (scratch: string) => Promise<Result<T>>): Promise<Result<T>> {
    const folder = backupsFolder(this.#dataDir);
    const scratch = join(folder, `.staging-${crypto.randomUUID().slice(0, 8)}`);
    try {
      makeFolder(folder);
      mkdirSync(scratch, { mode: 0o700 });
      return await work(scratch);
    } catch (thrown) {
      if (thrown instanceof GatewayError) return { ok: false, error: thrown };
      return fail("data_unusable", `the backup cannot be unpacked: ${asGatewayError(thrown).message}`, {
        where: folder,
        cause: thrown,
        hint: "see the free space",
      });
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }
}

/** As JSON: undefined values become absent keys. */
function asJson(config: unknown): JsonObject {
  const copy = copyJson(config);
  return isMap(copy) ? copy : {};
}
