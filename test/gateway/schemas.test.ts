import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SCHEMAS } from "../../src/gateway/context/storage.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { deleteOwnRows, OWN_ROWS } from "../../src/storage/plugin-rows.ts";
import { FakeClock } from "../fake-clock.ts";

test("each room has its tables in the core database once: no gateway starts with a table that is made twice", () => {
  const rooms = SCHEMAS.map(({ room }) => room);
  expect(rooms).toEqual([...new Set(rooms)]);
});

/** Tables with a plugin's name whose rows outlive its data, or go by another way, and why. */
const OTHERS: Readonly<Record<string, string>> = {
  outbox: "what was sent is the operator's record",
  alerts: "what happened is the operator's record",
  secrets: "go with every removal (SecretStore.removeAll)",
  permission_acceptances: "go with every removal (GrantStore)",
  permission_overrides: "go with every removal (GrantStore)",
  plugin_holders: "go with the data, and the name is free (GrantStore.release)",
  plugin_decisions: "go with every removal (forgetDecisions)",
  plugin_settings: "go with every removal (forgetDecisions)",
};

test("every table that names a plugin says what becomes of its rows when the plugin is removed with its data", () => {
  const folder = mkdtempSync(join(tmpdir(), "schemas-"));
  const opened = openCoreDatabase(join(folder, "gateway.db"), SCHEMAS, { clock: new FakeClock(), log: silentLogger });
  if (!opened.ok) throw opened.error;
  const { sqlite } = opened.value;
  const tables = sqlite.query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const columns = (table: string) => sqlite.query<{ name: string; type: string; notnull: number }, []>(`PRAGMA table_info(${table})`).all();
  const naming = tables.map(({ name }) => name).filter((table) => columns(table).some(({ name }) => name === "plugin"));
  expect(naming.sort()).toEqual([...OWN_ROWS, ...Object.keys(OTHERS)].sort());
  // Of two plugins, in each table: only the one's go.
  for (const [at, plugin] of ["river", "river_two"].entries()) {
    for (const table of OWN_ROWS) {
      const row = columns(table).map(({ name, type }) => (name === "plugin" ? plugin : type === "INTEGER" ? at : `x${at}`));
      sqlite.run(`INSERT INTO ${table} VALUES (${row.map(() => "?").join()})`, row);
    }
  }
  deleteOwnRows(opened.value, "river");
  for (const table of OWN_ROWS) {
    expect([table, ...sqlite.query<{ plugin: string }, []>(`SELECT plugin FROM ${table}`).all()]).toEqual([table, { plugin: "river_two" }]);
  }
  opened.value.close();
  rmSync(folder, { recursive: true, force: true });
});
