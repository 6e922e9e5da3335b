import { PermissionDenied, type Plugin, PluginError } from "zephyrgate";
import { cleanName, cleanText } from "./clean.ts";
import type { Config } from "./config.types.ts";
import { wordsOf } from "./words.ts";

export interface Said {
  readonly name: string;
  /** The link or the site that heard it. */
  readonly origin: string;
  readonly text: string;
}

/** Says on a channel, `LINK/INDEX`, what was heard elsewhere. Gives whether it is queued; why not is in the log. */
export async function say(plugin: Plugin<Config>, channel: string, { name, origin, text }: Said): Promise<boolean> {
  const carried = wordsOf(plugin)("carried", { name: cleanName(name), origin, text: cleanText(text) });
  try {
    await plugin.sendMessage(carried, { destination: "broadcast", channel, priority: "low" });
    return true;
  } catch (error) {
    if (!isExpected(error)) throw error;
    plugin.log.warn("a text could not be carried", { to: channel, error });
    return false;
  }
}

/** Refused or not possible now, which is no fault of this plugin. */
export function isExpected(error: unknown): boolean {
  return error instanceof PluginError || error instanceof PermissionDenied;
}
