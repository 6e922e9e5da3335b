/**
 * What a plugin's SQL may do, by SQLite's own reading of it: SQLite asks here for every table, function and kind of statement
 * while it compiles one, whatever way it was written. Everything that is not on a list is denied.
 */
import { constants, type DatabaseSync } from "node:sqlite";
import { INTERNAL } from "./sql.ts";

const words = (text: string) => text.split(/\s+/).filter(Boolean);

/** Functions of SQLite that plugins may call: documented, pure or about this connection, without pointers and files. */
export const FUNCTIONS: ReadonlySet<string> = new Set([
  ...words(`abs changes char coalesce concat concat_ws format glob hex if ifnull iif instr last_insert_rowid length like likelihood
    likely lower ltrim max min nullif octet_length printf quote random randomblob replace round rtrim sign sqlite_version substr
    substring total_changes trim typeof unhex unicode unistr unistr_quote unlikely upper zeroblob`),
  ...words("date time datetime julianday unixepoch strftime timediff current_date current_time current_timestamp"),
  ...words("avg count group_concat string_agg sum total median percentile percentile_cont percentile_disc"),
  ...words("row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value"),
  ...words(`acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power radians
    sin sinh sqrt tan tanh trunc`),
  ...words(`json jsonb json_array jsonb_array json_array_insert jsonb_array_insert json_array_length json_error_position json_extract
    jsonb_extract json_insert jsonb_insert json_object jsonb_object json_patch jsonb_patch json_pretty json_remove jsonb_remove
    json_replace jsonb_replace json_set jsonb_set json_type json_valid json_quote json_group_array jsonb_group_array
    json_group_object jsonb_group_object -> ->>`),
]);

/** Functions that ALTER TABLE uses by itself; SQLite knows them nowhere else. */
const INTERNAL_FUNCTIONS: ReadonlySet<string> = new Set(
  words(`sqlite_rename_column sqlite_rename_table sqlite_rename_test sqlite_rename_quotefix sqlite_drop_column sqlite_fail
    sqlite_add_constraint sqlite_drop_constraint sqlite_find_constraint`),
);

/** Table-valued functions that plugins may use: the other virtual tables and every pragma are closed. */
export const TABLE_FUNCTIONS: ReadonlySet<string> = new Set(["json_each", "json_tree", "jsonb_each", "jsonb_tree"]);

/** Kinds of action that name a table in their first argument. */
const ON_A_TABLE: ReadonlySet<number> = new Set([
  constants.SQLITE_READ,
  constants.SQLITE_INSERT,
  constants.SQLITE_UPDATE,
  constants.SQLITE_DELETE,
  constants.SQLITE_CREATE_TABLE,
  constants.SQLITE_CREATE_TEMP_TABLE,
  constants.SQLITE_DROP_TABLE,
  constants.SQLITE_DROP_TEMP_TABLE,
  constants.SQLITE_CREATE_VIEW,
  constants.SQLITE_CREATE_TEMP_VIEW,
  constants.SQLITE_DROP_VIEW,
  constants.SQLITE_DROP_TEMP_VIEW,
]);

/** Kinds of action that name what they make, and the table it belongs to. */
const BESIDE_A_TABLE: ReadonlySet<number> = new Set([
  constants.SQLITE_CREATE_INDEX,
  constants.SQLITE_CREATE_TEMP_INDEX,
  constants.SQLITE_DROP_INDEX,
  constants.SQLITE_DROP_TEMP_INDEX,
  constants.SQLITE_CREATE_TRIGGER,
  constants.SQLITE_CREATE_TEMP_TRIGGER,
  constants.SQLITE_DROP_TRIGGER,
  constants.SQLITE_DROP_TEMP_TRIGGER,
  constants.SQLITE_ALTER_TABLE,
]);

const FREE: ReadonlySet<number> = new Set([
  constants.SQLITE_SELECT,
  constants.SQLITE_RECURSIVE,
  constants.SQLITE_REINDEX,
  constants.SQLITE_ANALYZE,
]);

/** Watches one connection. Statements of the host itself are not judged. */
export class SqlAuthorizer {
  #judging = false;
  #refusal: string | null = null;
  /** Virtual tables that this build of SQLite can make out of a bare name and that plugins may not use, in small letters. */
  readonly modules: ReadonlySet<string>;

  constructor(db: DatabaseSync) {
    const rows = db.prepare("SELECT name FROM pragma_module_list").all();
    this.modules = new Set(rows.map(({ name }) => String(name).toLowerCase()).filter((name) => !TABLE_FUNCTIONS.has(name)));
    db.setAuthorizer((action, first, second) => {
      if (!this.#judging) return constants.SQLITE_OK;
      const why = this.#judge(action, first ?? "", second ?? "");
      if (why === null) return constants.SQLITE_OK;
      this.#refusal ??= why;
      return constants.SQLITE_DENY;
    });
  }

  /** Runs `work` with everything that SQLite compiles meanwhile judged as the plugin's. */
  judged<T>(work: () => T): T {
    this.#judging = true;
    this.#refusal = null;
    try {
      return work();
    } finally {
      this.#judging = false;
    }
  }

  /** Why the last judged work was denied, or null. */
  get refusal(): string | null {
    return this.#refusal;
  }

  #judge(action: number, first: string, second: string): string | null {
    if (FREE.has(action)) return null;
    if (action === constants.SQLITE_FUNCTION) {
      const name = second.toLowerCase();
      return FUNCTIONS.has(name) || INTERNAL_FUNCTIONS.has(name) ? null : `the function ${name} is not available`;
    }
    if (ON_A_TABLE.has(action)) return this.#table(first);
    if (BESIDE_A_TABLE.has(action)) return this.#table(first) ?? this.#table(second);
    return "only tables, views, indexes and triggers of the plugin's own are available";
  }

  #table(name: string): string | null {
    const lower = name.toLowerCase();
    if (TABLE_FUNCTIONS.has(lower)) return null;
    if (lower.startsWith(INTERNAL)) return `names that begin with ${INTERNAL} are the gateway's`;
    return lower.startsWith("pragma_") || this.modules.has(lower) ? `the table ${lower} is not available` : null;
  }
}
