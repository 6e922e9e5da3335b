export interface Score {
  readonly name: string;
  readonly points: number;
  readonly site: string;
}

/** What another site sent or stored may come from another version of this plugin, or from another plugin of its name. */
export function readScore(value: unknown): Score | null {
  if (typeof value !== "object" || value === null) return null;
  const { name, points, site } = value as Partial<Record<keyof Score, unknown>>;
  if (typeof name !== "string" || typeof points !== "number" || typeof site !== "string") return null;
  return { name: name.slice(0, 40), points, site: site.slice(0, 32) };
}
