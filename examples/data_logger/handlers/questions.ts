import type { Plugin } from "zephyrgate";
import type { BatteryRow, PositionRow } from "../tables.ts";

export async function track(plugin: Plugin, name: string): Promise<string> {
  const query = "SELECT at, latitude, longitude FROM positions WHERE name = ? ORDER BY at DESC LIMIT 1";
  const [last] = await plugin.db.query<PositionRow>(query, name);
  if (last === undefined) return `${name} was never heard here`;
  return `${name}: ${last.latitude.toFixed(4)} ${last.longitude.toFixed(4)} at ${plugin.formatTime(last.at)} UTC`;
}

export async function battery(plugin: Plugin, name: string): Promise<string> {
  const query = "SELECT at, percent FROM batteries WHERE name = ? ORDER BY at DESC LIMIT 2";
  const [last, before] = await plugin.db.query<BatteryRow>(query, name);
  if (last === undefined) return `${name} has told nothing about its battery`;
  const trend = before === undefined || before.percent === last.percent ? "" : before.percent < last.percent ? ", rising" : ", falling";
  return `${name}: ${last.percent > 100 ? "external power" : `${last.percent} %`}${trend}`;
}

export async function logged(plugin: Plugin): Promise<string> {
  const [row] = await plugin.db.query<{ positions: number; batteries: number; nodes: number }>(
    `SELECT (SELECT count(*) FROM positions) AS positions,
            (SELECT count(*) FROM batteries) AS batteries,
            (SELECT count(*) FROM (SELECT node FROM positions UNION SELECT node FROM batteries)) AS nodes`,
  );
  return `${row?.positions ?? 0} positions and ${row?.batteries ?? 0} batteries of ${row?.nodes ?? 0} nodes`;
}
