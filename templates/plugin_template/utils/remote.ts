import type { Plugin } from "zephyrgate";

/** First line of the configured address. The network never throws: look at `ok`. */
export async function newestLine(plugin: Plugin): Promise<string> {
  const answer = await plugin.httpGet(plugin.getConfig("url", "https://example.org/status.txt"), { timeout: 5 });
  if (!answer.ok) return `not available (${answer.error.code})`;
  return String(answer.data).split("\n")[0]?.slice(0, 120) ?? "";
}
