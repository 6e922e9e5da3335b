import { lookup } from "node:dns/promises";

/** Resolves to all addresses of a name. Rejects if there is none. An implementation may ignore the signal. */
export type Resolve = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

export const systemResolve: Resolve = async (host) => (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address);

/** Variables that would send requests through a proxy, or switch certificate checks off. */
const VARIABLES = ["http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "no_proxy", "node_tls_reject_unauthorized"];

/** Called once at the start of the process, before the first request. Returns the variables that were set, for the log. */
export function clearProxyVariables(env: Record<string, string | undefined> = process.env): string[] {
  const found = Object.keys(env).filter((name) => VARIABLES.includes(name.toLowerCase()));
  for (const name of found) delete env[name];
  return found;
}
