import { PermissionDenied, type Plugin } from "zephyrgate";

export async function announce(plugin: Plugin, args: string[]): Promise<string> {
  const [channel = "", ...words] = args;
  if (!/^[0-7]$/.test(channel) || words.length === 0) return "Usage: announce CHANNEL TEXT";
  try {
    await plugin.sendMessage(words.join(" "), { destination: "broadcast", channel: Number(channel) });
    return "Announced";
  } catch (error) {
    // Expected, and worth an answer; whatever else goes wrong is the gateway's to report.
    if (error instanceof PermissionDenied) return `I may not speak on channel ${channel}`;
    throw error;
  }
}
