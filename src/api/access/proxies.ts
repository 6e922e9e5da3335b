import { BlockList, isIP } from "node:net";

/** Most addresses of one X-Forwarded-For header that are read. */
const MAX_HOPS = 16;
const FORWARDED = ["x-forwarded-for", "x-forwarded-proto"] as const;

/** The reverse proxies that may say for whom they ask: addresses (`10.0.0.2`, `::1`) or networks (`10.0.0.0/8`), checked by the schema. */
export class Proxies {
  readonly #trusted = new BlockList();

  constructor(trusted: readonly string[]) {
    for (const entry of trusted) {
      const [address = "", bits] = entry.split("/", 2);
      const family = familyOf(address);
      if (family === null) continue;
      if (bits === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(bits), family);
    }
  }

  isTrusted(address: string): boolean {
    const family = familyOf(address);
    return family !== null && this.#trusted.check(address, family);
  }

  /**
   * The client's address: the last one in X-Forwarded-For that is no trusted proxy, because each proxy appends whom it
   * heard and everything before may be made up. Of a peer that is not trusted, its own address.
   */
  clientOf(headers: Headers, peer: string): string {
    let client = peer;
    const hops = (headers.get("x-forwarded-for") ?? "").split(",").reverse();
    for (const hop of hops.slice(0, MAX_HOPS)) {
      const address = hop.trim();
      if (!this.isTrusted(client) || familyOf(address) === null) return client;
      client = address;
    }
    return client;
  }

  /** Removes what only a trusted proxy may say, so that nothing behind this reads it from anybody else. */
  clean(headers: Headers, peer: string): Headers {
    if (this.isTrusted(peer) || !FORWARDED.some((name) => headers.has(name))) return headers;
    const cleaned = new Headers(headers);
    for (const name of FORWARDED) cleaned.delete(name);
    return cleaned;
  }
}

function familyOf(address: string): "ipv4" | "ipv6" | null {
  const family = isIP(address);
  return family === 0 ? null : family === 4 ? "ipv4" : "ipv6";
}

/** The path inside the gateway: without `base`, which ends with `/`. A path that is not below `base` stays as it is. */
export function withoutBase(url: string, base: string): { readonly url: string; readonly isBelow: boolean } {
  if (base === "/") return { url, isBelow: true };
  const parsed = new URL(url);
  if (!parsed.pathname.startsWith(base)) return { url, isBelow: false };
  parsed.pathname = parsed.pathname.slice(base.length - 1);
  return { url: parsed.href, isBelow: true };
}
