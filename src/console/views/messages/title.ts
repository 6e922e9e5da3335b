import { channelName, nodeName, status } from "../../state/facts.ts";

/** `LongFast` or, of several links, `LongFast (roof)`; a node's name. */
export function titleOf(key: string): string {
  const [kind, first = "", index = "0"] = key.split("/");
  if (kind === "n") return nodeName(first);
  const isOnly = (status.value?.links.length ?? 0) < 2;
  return isOnly ? channelName(first, Number(index)) : `${channelName(first, Number(index))} (${first})`;
}
