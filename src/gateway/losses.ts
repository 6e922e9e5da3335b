import type { StoredToken } from "../api/access/store.ts";

export interface SinceBackup {
  readonly received: number;
  readonly sent: number;
  /** Plugins that have data now, and none in the backup. */
  readonly newPlugins: readonly string[];
  readonly tokensNow: readonly StoredToken[];
  readonly tokensThen: readonly StoredToken[];
}

/** What a restore takes from what is there now, in words: one line for each kind of thing. */
export function lossesOf({ received, sent, newPlugins, tokensNow, tokensThen }: SinceBackup): string[] {
  const isAmong = (tokens: readonly StoredToken[]) => (token: StoredToken) => !tokens.some(({ digest }) => digest === token.digest);
  const ended = tokensNow.filter(isAmong(tokensThen)).map(({ name }) => name);
  const back = tokensThen.filter(isAmong(tokensNow)).map(({ name }) => name);
  return [
    ...(received + sent === 0 ? [] : [`${texts(received)} received and ${texts(sent)} sent since then`]),
    "grants, decisions, settings of plugins, and what is known of nodes since then",
    ...(newPlugins.length === 0 ? [] : [`plugins with data that came since then: ${newPlugins.join(", ")}`]),
    ...(ended.length === 0 ? [] : [`tokens made or renewed since then end: ${ended.join(", ")}`]),
    ...(back.length === 0 ? [] : [`tokens revoked or renewed since then are VALID AGAIN: ${back.join(", ")}`]),
    "sign-ins since then, this one too",
  ];
}

const texts = (count: number) => `${count} ${count === 1 ? "text" : "texts"}`;

/** The plugins whose data or program is among paths of a data folder. */
export function pluginsAmong(paths: readonly string[]): string[] {
  return [...new Set(paths.flatMap((path) => /^(?:plugins|isolated|installed)\/([^/]+)\//.exec(path)?.[1] ?? []))].sort();
}
