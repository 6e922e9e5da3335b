/** The services that the plugin host itself gives a realm, without the gateway. */
import type { Clock, Random } from "../../clock.ts";
import { asGatewayError, GatewayError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { ServiceName } from "../../sdk/boundary/ops.ts";
import type { WireError } from "../../sdk/boundary/wire.ts";
import { PluginDatabase } from "../storage/database.ts";
import { digest, hmac, verifyHmac } from "./hashes.ts";
import { PermissionView } from "./permissions.ts";
import { formatTime } from "./time.ts";
import { parseUrl } from "./url.ts";

export interface ServiceDeps {
  /** The plugin's SQLite file, or null. */
  readonly database: string | null;
  readonly storageMb: number;
  readonly clock: Clock;
  readonly random: Random;
  /** RealmSpec.permissions. */
  readonly permissions: Json;
}

type Handler = (args: readonly unknown[]) => Json;

/** One realm's services. Opens the database at its first use, if it may. */
export class Services {
  /** Decisions on database_access, which are made here; the gateway gets the sums for its audit log. */
  readonly decisions = { allowed: 0, denied: 0 };
  #granted = false;
  #retired = false;
  #database: PluginDatabase | null = null;
  readonly #handlers: { readonly [name in ServiceName]: Handler };

  readonly #permissions: PermissionView;

  constructor(private readonly deps: ServiceDeps) {
    this.#permissions = new PermissionView(deps.permissions);
    this.#handlers = {
      permission_query: ([entry]) => this.#permissions.query(entry),
      kv_set: ([key, value, ttl]) => {
        this.#data().set(text(key), (value ?? null) as Json, typeof ttl === "number" ? ttl : null);
        return null;
      },
      kv_get: ([key]) => this.#data().get(text(key)),
      kv_delete: ([key]) => this.#data().delete(text(key)),
      kv_keys: ([prefix]) => this.#data().keys(text(prefix)),
      db_query: ([sql, params]) => this.#open().query(text(sql), list(params)),
      db_run: ([sql, params]) => ({ ...this.#open().run(text(sql), list(params)) }),
      db_transaction: ([statements]) =>
        this.#open()
          .transaction(list(statements).map((statement) => [text(list(statement)[0]), list(list(statement)[1])]))
          .map((outcome) => ({ ...outcome })),
      db_migrate: ([versions]) =>
        this.#open().migrate(list(versions).map((entry) => (Array.isArray(entry) ? entry.map(text) : [text(entry)]))),
      format_time: ([ms, zone, style]) => formatTime(ms, zone, style),
      random: ([count]) => Buffer.from(this.deps.random.bytes(byteCount(count))).toString("base64"),
      uuid: () => uuid(this.deps.random),
      digest: ([hash, data]) => digest(hash, data),
      hmac: ([hash, key, data]) => hmac(hash, key, data).toString("base64"),
      hmac_verify: ([hash, key, data, signature]) => verifyHmac(hash, key, data, signature),
      url: ([input, base, change]) => parseUrl(input, base, change),
    };
  }

  /** The operator changed what the plugin may. */
  learnPermissions(states: Json): void {
    this.#permissions.learn(states);
  }

  /** Whether the plugin has database_access now. Takes effect from the next call on. */
  grantDatabase(granted: boolean): void {
    this.#granted = granted;
  }

  /** JSON: {v} or {e: WireError}. Never throws. The answer holds no detail of the host. */
  answer(name: unknown, args: unknown): string {
    try {
      if (!this.#isService(name)) throw new GatewayError("not_found", "There is no such service");
      return JSON.stringify({ v: this.#handlers[name](Array.isArray(args) ? args : []) });
    } catch (thrown) {
      if (thrown instanceof Denied) {
        return JSON.stringify({
          e: {
            name: "PermissionDenied",
            message: "Permission database_access is not granted",
            permission: "database_access",
            scope: null,
            hint: "add to the manifest:\npermissions:\n  - database_access",
          },
        });
      }
      const known =
        thrown instanceof GatewayError
          ? thrown
          : asGatewayError(new GatewayError("internal", "The plugin host could not answer", { cause: thrown }));
      const hint = known.hint === undefined ? {} : { hint: known.hint };
      return JSON.stringify({ e: { name: "PluginError", message: known.message, code: known.code, ...hint } });
    }
  }

  #isService(name: unknown): name is ServiceName {
    return typeof name === "string" && Object.hasOwn(this.#handlers, name);
  }

  storageBytes(): number {
    return this.#database?.sizeBytes() ?? 0;
  }

  /** Data was written in this step and is not committed: nothing that tells of it may leave the host before {@link settle}. */
  get isUnsettled(): boolean {
    return this.#database?.isUnsettled === true;
  }

  /** Commits what the step has written; an error when nothing of it is stored. */
  settle(): WireError | null {
    try {
      this.#database?.settle();
      return null;
    } catch (thrown) {
      const { message, code, hint } = asGatewayError(thrown);
      return { name: "PluginError", message, code, ...(hint === undefined ? {} : { hint }) };
    }
  }

  /** Every few seconds: puts writes into the file and deletes what has expired. */
  maintain(): void {
    this.#database?.checkpoint();
  }

  /** The open database, for a backup; null when it was never opened. */
  databaseAt(path: string): PluginDatabase | null {
    return this.deps.database === path ? this.#database : null;
  }

  /** Closes the file, if it is this one, so that another may have it; it opens again at the next use. */
  release(path: string): void {
    if (this.deps.database !== path) return;
    this.#database?.close();
    this.#database = null;
  }

  /** The data belongs to the plugin's next version from now on. */
  retire(): void {
    this.#database?.close();
    this.#database = null;
    this.#retired = true;
  }

  close(): void {
    this.#database?.close();
    this.#database = null;
    this.#granted = false;
  }

  #data() {
    return this.#open().data;
  }

  #open(): PluginDatabase {
    const { database, storageMb, clock } = this.deps;
    if (!this.#granted || database === null) {
      this.decisions.denied += 1;
      throw new Denied("permission_denied", "database_access");
    }
    if (this.#retired) throw new GatewayError("conflict", "The data belongs to the version of this plugin that replaces this one");
    this.decisions.allowed += 1;
    this.#database ??= PluginDatabase.open(database, storageMb, () => clock.now());
    return this.#database;
  }
}

class Denied extends GatewayError {}

function text(value: unknown): string {
  if (typeof value !== "string") throw new GatewayError("invalid_argument", "A text was expected");
  return value;
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new GatewayError("invalid_argument", "A list was expected");
  return value;
}

function byteCount(value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 65536) {
    throw new GatewayError("invalid_argument", "0 to 65536 bytes at a time");
  }
  return value;
}

/** RFC 9562 version 4. */
function uuid(random: Random): string {
  const bytes = random.bytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
