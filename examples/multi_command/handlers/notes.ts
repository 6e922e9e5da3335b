import type { Plugin } from "zephyrgate";

/** What stands in quotes is one argument: note shop "bread and milk". Without quotes the rest is put together again. */
export async function note(plugin: Plugin, args: string[], author: string): Promise<string> {
  const [name = "", ...rest] = args;
  if (name === "") return 'Usage: note NAME ["TEXT"]';
  const key = `note.${name.toLowerCase()}`;
  if (rest.length === 0) return (await plugin.retrieveData(key, "")) || `There is no note ${name}`;
  await plugin.storeData(key, `${rest.join(" ")} (${author})`);
  return `Noted under ${name}`;
}

export async function notes(plugin: Plugin): Promise<string> {
  const keys = await plugin.listKeys("note.");
  return keys.length === 0 ? "No notes" : keys.map((key) => key.slice("note.".length)).join(", ");
}
