import { fail, ok, type Result } from "../../errors.ts";

/** `name` is `*` (every host), an exact canonical host, or `*.suffix`; `port` null means both 80 and 443. */
export interface HostPattern {
  readonly name: string;
  readonly port: number | null;
}

const NAME_MAX = 253;

/**
 * The one spelling of a host: lower case, punycode, no final dot, IPv4 in four decimals, IPv6 compressed in brackets.
 * Null when it is no host. The URL parser does it, so that a pattern and a request can never be read differently.
 */
export function canonicalHost(host: string): string | null {
  const bare = host.endsWith(".") ? host.slice(0, -1) : host;
  if (bare === "" || bare.length > NAME_MAX) return null;
  const bracketed = bare.includes(":") && !bare.startsWith("[") ? `[${bare}]` : bare;
  if (bracketed.startsWith("[") ? !/^\[[0-9a-fA-F:.]+\]$/.test(bracketed) : /[\s/?#@\\:%[\]*<>^|\u0000-\u001f]/.test(bracketed))
    return null;
  const url = URL.parse(`http://${bracketed}/`);
  if (url === null) return null;
  const name = url.hostname.endsWith(".") ? url.hostname.slice(0, -1) : url.hostname;
  return name === "" || name.endsWith(".") || name.startsWith(".") || name.includes("..") || name.length > NAME_MAX ? null : name;
}

export function isAddress(canonical: string): boolean {
  return canonical.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(canonical);
}

/** Reads `api.weather.gov`, `*.open-meteo.com`, `host:8443`, `[::1]:8080`, `::1`. */
export function parseHostPattern(text: string): Result<HostPattern> {
  const shown = JSON.stringify(text.slice(0, 80));
  const bad = (message: string, hint: string) => fail("invalid_argument", `${shown} ${message}`, { hint });
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return bad("is a URL, not a host", "write the host alone, as api.weather.gov or host:8443");
  if (text === "*") return bad("is no host pattern", "leave `hosts` out to ask for every host");
  // Two colons without brackets are an IPv6 address; one colon parts a port.
  const split = text.startsWith("[") ? text.indexOf("]:") + 1 : text.indexOf(":") === text.lastIndexOf(":") ? text.indexOf(":") : -1;
  const hostText = split > 0 ? text.slice(0, split) : text;
  let port: number | null = null;
  if (split > 0) {
    const digits = text.slice(split + 1);
    port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
    if (port < 1 || port > 65535) return bad("has no valid port", "a port is a number from 1 to 65535, as host:8443");
  }
  const wildcard = hostText.startsWith("*.");
  const name = canonicalHost(wildcard ? hostText.slice(2) : hostText);
  if (name === null) return bad("is no host", "write a name, *.name, host:port, an IPv4 address, or an IPv6 address in brackets");
  if (wildcard && isAddress(name)) return bad("puts a wildcard before an address", "put a wildcard before a name only, as *.example.org");
  return ok({ name: wildcard ? `*.${name}` : name, port });
}

export function printHostPattern(pattern: HostPattern): string {
  return pattern.port === null ? pattern.name : `${pattern.name}:${pattern.port}`;
}

/** Whether every host that `inner` names is named by `outer` too; an exact host is the pattern of itself. Linear. */
export function hostCovers(outer: string, inner: string): boolean {
  if (outer === "*" || outer === inner) return true;
  if (!outer.startsWith("*.")) return false;
  const suffix = outer.slice(1);
  if (inner.startsWith("*.")) return inner.length > outer.length && inner.endsWith(suffix);
  return inner.length > suffix.length && inner.endsWith(suffix) && !isAddress(inner);
}
