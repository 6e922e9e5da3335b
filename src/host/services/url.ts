const SETTABLE = ["href", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"] as const;
const MAX_URL = 16_384;

/** The parts of a URL after an optional change of one, or null when it is none. */
export function parseUrl(input: unknown, base: unknown, change: unknown): { readonly [part: string]: string } | null {
  if (typeof input !== "string" || input.length > MAX_URL) return null;
  const url = URL.parse(input, typeof base === "string" ? base : undefined);
  if (url === null) return null;
  if (Array.isArray(change)) {
    const [name, value] = change as unknown[];
    const part = SETTABLE.find((known) => known === name);
    if (part === undefined || typeof value !== "string" || value.length > MAX_URL) return null;
    if (part === "href") return parseUrl(value, null, null);
    url[part] = value;
  }
  const parts: { [part: string]: string } = { origin: url.origin };
  for (const name of SETTABLE) parts[name] = url[name];
  return parts;
}
