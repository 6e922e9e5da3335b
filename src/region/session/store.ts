/** What a site keeps of its region in the core database. Keys are in files of their own. */
import type { Json } from "../../json.ts";
import { FILE_LIMITS, parseJson } from "../../json-reader.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import type { PublicKeys } from "../keys/identity.ts";
import type { SiteId } from "../ports.ts";
import { readStatement, type Statement, statementId } from "../roster/statement.ts";

/** What is known of a site beside the roster. */
export interface StoredPeer {
  readonly id: SiteId;
  readonly keys: PublicKeys;
  readonly name: string;
  readonly version: string;
  readonly report: Json;
  /** Nothing of this start up to this number is taken again. */
  readonly boot: number;
  readonly number: number;
  /** Ms since 1970 by this gateway's clock. */
  readonly heardAt: number;
}

interface PeerRow extends Omit<StoredPeer, "keys" | "report" | "heardAt"> {
  readonly keys: string;
  readonly report: string;
  readonly heard_at: number;
}

export class RegionStore {
  readonly #dirty = new Map<SiteId, StoredPeer>();

  constructor(private readonly database: CoreDatabase) {}

  /** A number that is higher at each call, also after a restore from a backup unless the clock went back. */
  nextBoot(now: number): number {
    return this.database.write(() => {
      const row = this.database.sqlite.query<{ boot: number }, []>("SELECT boot FROM region_self").get();
      const boot = Math.max((row?.boot ?? 0) + 1, Math.floor(now));
      this.database.sqlite.run("INSERT INTO region_self (only, boot) VALUES (1, ?1) ON CONFLICT (only) DO UPDATE SET boot = ?1", [boot]);
      return boot;
    });
  }

  statements(region: string): Statement[] {
    const rows = this.database.sqlite.query<{ text: string }, []>("SELECT text FROM region_statements").all();
    return rows.flatMap(({ text }) => {
      const json = parseJson(text, FILE_LIMITS);
      const statement = json.ok ? readStatement(json.value, region) : null;
      return statement === null ? [] : [statement];
    });
  }

  keep(statements: readonly Statement[]): void {
    if (statements.length === 0) return;
    this.database.write(() => {
      for (const statement of statements) {
        this.database.sqlite.run("INSERT OR IGNORE INTO region_statements (id, text) VALUES (?, ?)", [
          statementId(statement),
          JSON.stringify(statement),
        ]);
      }
    });
  }

  peers(): StoredPeer[] {
    const rows = this.database.sqlite.query<PeerRow, []>("SELECT * FROM region_sites").all();
    return rows.flatMap(({ keys, report, heard_at: heardAt, ...rest }) => {
      const [sign, box] = keys.split(" ");
      const read = parseJson(report, FILE_LIMITS);
      if (sign === undefined || box === undefined) return [];
      return [{ ...rest, keys: { sign, box }, report: read.ok ? read.value : null, heardAt }];
    });
  }

  /** With the next commit, after a second at the latest. */
  keepPeer(peer: StoredPeer): void {
    this.#dirty.set(peer.id, peer);
    this.database.later(this.#deferred);
  }

  forgetPeer(id: SiteId): void {
    this.#dirty.delete(id);
    this.database.write(() => this.database.sqlite.run("DELETE FROM region_sites WHERE id = ?", [id]));
  }

  /** Everything of a region that this site left. */
  clear(): void {
    this.#dirty.clear();
    this.database.write(() => {
      this.database.sqlite.run("DELETE FROM region_sites");
      this.database.sqlite.run("DELETE FROM region_statements");
    });
  }

  readonly #deferred = {
    patient: true,
    write: () => {
      for (const { id, keys, name, version, report, boot, number, heardAt } of this.#dirty.values()) {
        this.database.sqlite.run(
          "INSERT OR REPLACE INTO region_sites (id, keys, name, version, report, boot, number, heard_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
          [id, `${keys.sign} ${keys.box}`, name, version, JSON.stringify(report), boot, number, heardAt],
        );
      }
    },
    written: () => this.#dirty.clear(),
  };
}
