/**
 * Entry N brings version N to N + 1, once. Later versions of the plugin add entries at the end; what was released is never
 * changed, because somebody's database was made by it.
 */
export const MIGRATIONS: readonly (string | readonly string[])[] = [
  [
    "CREATE TABLE positions (node TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, latitude REAL NOT NULL, longitude REAL NOT NULL)",
    "CREATE INDEX positions_by_name ON positions (name, at)",
  ],
  [
    "CREATE TABLE batteries (node TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, percent INTEGER NOT NULL)",
    "CREATE INDEX batteries_by_name ON batteries (name, at)",
  ],
];

export interface PositionRow {
  at: number;
  latitude: number;
  longitude: number;
}

export interface BatteryRow {
  at: number;
  percent: number;
}
