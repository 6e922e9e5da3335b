import type { Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import { readView, type View } from "./view.ts";

/** What another site says about an incident. */
export interface SiteView {
  readonly site: string;
  /** ` (site Pass)`: stands behind the names of its people. */
  readonly mark: string;
  readonly view: View;
}

/** What other sites say about incidents, as it was heard last. */
export class SiteViews {
  constructor(private readonly plugin: Plugin<Config>) {}

  async of(incident: number): Promise<SiteView[]> {
    const rows = await this.plugin.db.query<{ site: string; mark: string; value: string; sender: string }>(
      "SELECT v.site, v.mark, v.value, i.sender FROM views v JOIN incidents i ON i.id = v.incident WHERE v.incident = ? ORDER BY v.site",
      incident,
    );
    return rows.flatMap(({ site, mark, value, sender }) => {
      const view = readView(JSON.parse(value), sender);
      return view === null ? [] : [{ site, mark, view }];
    });
  }

  /** The view as it was checked. False: it was known. */
  async put(incident: number, site: string, mark: string, view: View): Promise<boolean> {
    const value = JSON.stringify(view);
    const sql = `INSERT INTO views (incident, site, mark, value) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (incident, site) DO UPDATE SET mark = ?3, value = ?4 WHERE value <> ?4 OR mark <> ?3`;
    return (await this.plugin.db.run(sql, incident, site, mark, value)).changes > 0;
  }
}
