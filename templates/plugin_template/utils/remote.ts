import type { Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";

/** First line of the configured address. The network never throws: look at `ok`. */
export async function newestLine(plugin: Plugin<Config>): Promise<string> {
  const answer = await plugin.httpGet(plugin.getConfig("url"), { timeout: 5 });
  if (!answer.ok) return `not available (${answer.error.code})`;
  return String(answer.data).split("\n")[0]?.slice(0, 120) ?? "";
}
