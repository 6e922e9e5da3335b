import { Database } from "bun:sqlite";
import {
  closeSync,
  copyFileSync,
  createReadStream,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Random } from "../clock.ts";
import { asGatewayError, GatewayError, ok, type Result } from "../errors.ts";
import { replaceFile } from "../storage/atomic.ts";
import { makeFolder } from "../storage/folders.ts";
import { needRoom, readArchive, type Sink, writeArchive } from "./archive.ts";
import { contentsOf, pluginOfDatabase } from "./contents.ts";
import { type BackupFile, type BackupHead, type BackupKind, entryName, FORMAT } from "./head.ts";
import { backupName, backupsFolder } from "./kept.ts";
import { seal } from "./seal.ts";

/** What a running gateway does for its own backup. Without one, nobody has the files open and they are copied as they are. */
export interface LiveSource {
  /** A complete copy of the core database in a new file. */
  copyCore(to: string): void;
  /** A complete copy of this plugin's database at `path`, in a file of its own; null when nobody has it open. */
  copyPlugin(plugin: string, path: string): Promise<Result<string | null>>;
}

export interface BackupOptions {
  readonly dataDir: string;
  readonly configFile: string | null;
  /** The log lies here, if it lies in the data folder. */
  readonly logFile: string | null;
  readonly kind: BackupKind;
  readonly program: string;
  /** ms since 1970. */
  readonly now: number;
  readonly random: Random;
  /** Credentials are in the backup only with it, sealed by it. */
  readonly passphrase?: string | undefined;
  readonly live: LiveSource | null;
}

export interface MadeBackup {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly head: BackupHead;
}

const CORE = "gateway.db";

/** Makes a backup in the folder of backups, reads it back whole and opens its core database, before it gets its name. */
export async function makeBackup(options: BackupOptions): Promise<Result<MadeBackup>> {
  const name = backupName(options.kind, options.now);
  const folder = backupsFolder(options.dataDir);
  const staging = join(folder, `.staging-${crypto.randomUUID().slice(0, 8)}`);
  const unfinished = join(staging, name);
  try {
    makeFolder(folder);
    mkdirSync(staging, { mode: 0o700 });
    const copies = await new Collector(options, staging).collect();
    if (!copies.ok) return copies;
    const { head, sources } = copies.value;
    await writeArchive(unfinished, head, (file) => sources.get(file.entry) ?? "");
    const verified = await verifyBackup(unfinished, staging);
    if (!verified.ok) return verified;
    const path = join(folder, name);
    replaceFile(unfinished, path);
    return ok({ name, path, bytes: statSync(path).size, head });
  } catch (thrown) {
    if (thrown instanceof GatewayError) return { ok: false, error: thrown };
    const message = `the backup could not be made: ${asGatewayError(thrown).message}`;
    return {
      ok: false,
      error: new GatewayError("data_unusable", message, { where: folder, cause: thrown, hint: "see its rights and the free space" }),
    };
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** What of a backup is unpacked to look into it. */
export interface OpenedBackup {
  readonly head: BackupHead;
  /** The core database; null where the backup has none. */
  readonly core: string | null;
  /** The configuration file; null where the backup has none. */
  readonly config: string | null;
}

/** Reads every byte, and opens the core database in it. `scratch` is a folder for that. */
export function verifyBackup(path: string, scratch: string): Promise<Result<BackupHead>> {
  return inspectBackup(path, scratch, ({ head }) => ok(head));
}

/** Verifies a backup and looks into it; what was unpacked into `scratch` is removed then. */
export async function inspectBackup<T>(path: string, scratch: string, look: (opened: OpenedBackup) => Result<T>): Promise<Result<T>> {
  const name = join(scratch, `verify-${crypto.randomUUID().slice(0, 8)}`);
  const [core, config] = [`${name}.db`, `${name}.yaml`];
  try {
    const targets = { data: core, config, sealed: null };
    const targetOf = ({ place, path: inside }: BackupFile) => (place === "data" && inside !== CORE ? null : targets[place]);
    let isFirst = true;
    const read = await readArchive(path, (file, { files }) => {
      if (isFirst)
        needRoom(
          files.filter((each) => targetOf(each) !== null),
          scratch,
        );
      isFirst = false;
      const target = targetOf(file);
      return target === null ? null : fileSink(target);
    });
    if (!read.ok) return read;
    const problem = existsSync(core) ? coreProblem(core) : null;
    if (problem !== null)
      return { ok: false, error: new GatewayError("data_unusable", `its database is damaged: ${problem}`, { where: path }) };
    return look({ head: read.value, core: existsSync(core) ? core : null, config: existsSync(config) ? config : null });
  } finally {
    for (const each of [core, `${core}-wal`, `${core}-shm`, config]) rmSync(each, { force: true });
  }
}

/** Writes a new file, mode 0600, and brings it onto the disk. */
export function fileSink(path: string): Sink {
  const file = openSync(path, "wx", 0o600);
  return {
    write(chunk) {
      for (let written = 0; written < chunk.length; ) written += writeSync(file, chunk, written);
    },
    end() {
      fsyncSync(file);
      closeSync(file);
    },
  };
}

/** What is wrong with a database; null: nothing. */
export function coreProblem(path: string): string | null {
  try {
    const database = new Database(path, { readonly: true });
    try {
      const answer = database.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get()?.quick_check;
      return answer === "ok" ? null : (answer ?? "no answer");
    } finally {
      database.close();
    }
  } catch (thrown) {
    return asGatewayError(thrown).message;
  }
}

/** Copies what changes while it is read, and hashes everything. */
class Collector {
  readonly #files: BackupFile[] = [];
  readonly #sources = new Map<string, string>();
  readonly #skipped: { plugin: string; reason: string }[] = [];

  constructor(
    private readonly options: BackupOptions,
    private readonly staging: string,
  ) {}

  async collect(): Promise<Result<{ head: BackupHead; sources: ReadonlyMap<string, string> }>> {
    const { dataDir, configFile, logFile, kind, program, now } = this.options;
    if (configFile !== null) await this.#add("config", "", this.#copy(configFile));
    const isLog = (path: string) => logFile !== null && (path === logFile || path.startsWith(`${logFile}.`));
    const { files, credentials } = contentsOf(dataDir, isLog);
    const done = new Set<string>();
    for (const path of files) {
      const plugin = pluginOfDatabase(path);
      if (path === CORE || path.startsWith(`${CORE}-`)) await this.#addCore(path);
      else if (plugin === null) await this.#addPlain(path);
      else if (!done.has(dirname(path))) {
        done.add(dirname(path));
        await this.#addPlugin(plugin, dirname(path));
      }
    }
    const sealed = await this.#addSealed(credentials);
    if (!sealed.ok) return sealed;
    const made_at = new Date(now).toISOString();
    const head: BackupHead = { format: FORMAT, program, kind, made_at, files: this.#files, skipped: this.#skipped };
    return ok({ head, sources: this.#sources });
  }

  async #addPlain(path: string): Promise<void> {
    const source = join(this.options.dataDir, path);
    // Removed since the folder was listed: an old audit file, for example.
    if (existsSync(source)) await this.#add("data", path, this.#copy(source));
  }

  async #addCore(path: string): Promise<void> {
    const { dataDir, live } = this.options;
    if (live === null) {
      await this.#add("data", path, this.#copy(join(dataDir, path)));
      return;
    }
    if (path !== CORE) return;
    const copy = this.#fresh();
    live.copyCore(copy);
    await this.#add("data", CORE, copy);
  }

  /** One plugin's damaged data must not cost the others their backup: it is left out, and named. */
  async #addPlugin(plugin: string, folder: string): Promise<void> {
    const { dataDir, live } = this.options;
    try {
      const copied = live === null ? ok(null) : await live.copyPlugin(plugin, join(dataDir, folder, "data.db"));
      if (!copied.ok) throw copied.error;
      if (copied.value !== null) {
        const copy = this.#fresh();
        renameSync(copied.value, copy);
        await this.#add("data", `${folder}/data.db`, copy);
        return;
      }
      for (const ending of ["", "-wal", "-journal"]) {
        const path = join(dataDir, folder, `data.db${ending}`);
        if (existsSync(path)) await this.#add("data", `${folder}/data.db${ending}`, this.#copy(path));
      }
    } catch (thrown) {
      this.#skipped.push({ plugin, reason: asGatewayError(thrown).message.slice(0, 300) });
    }
  }

  async #addSealed(credentials: readonly string[]): Promise<Result<null>> {
    const { dataDir, passphrase, random } = this.options;
    if (passphrase === undefined) return ok(null);
    const contents = Object.fromEntries(credentials.map((name) => [name, readFileSync(join(dataDir, name)).toString("base64")]));
    const sealed = seal(Buffer.from(JSON.stringify(contents)), passphrase, random);
    if (!sealed.ok) return sealed;
    const copy = this.#fresh();
    writeFileSync(copy, sealed.value, { mode: 0o600 });
    await this.#add("sealed", "", copy);
    return ok(null);
  }

  /** A file that another process may write while we read: its size and hash must be those of what is packed. */
  #copy(path: string): string {
    // The configuration may be a link; what a plugin host may write in must not be one.
    if (path !== this.options.configFile && !lstatSync(path).isFile()) throw new GatewayError("conflict", `${path} is no plain file`);
    const copy = this.#fresh();
    copyFileSync(path, copy);
    return copy;
  }

  async #add(place: BackupFile["place"], path: string, source: string): Promise<void> {
    const entry = entryName(place, path, this.#files.length);
    const hash = new Bun.CryptoHasher("sha256");
    let size = 0;
    for await (const chunk of createReadStream(source)) {
      hash.update(chunk);
      size += chunk.length;
    }
    this.#files.push({ place, path, entry, size, sha256: hash.digest("hex") });
    this.#sources.set(entry, source);
  }

  #fresh(): string {
    return join(this.staging, crypto.randomUUID());
  }
}
