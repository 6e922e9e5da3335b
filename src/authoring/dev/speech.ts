/** Reads a line typed at the prompt of `dev`: who says what, and to whom. */

export type Speech =
  /** `who` null: the node that spoke last; a number: `@3`. `channel` null: directly to the gateway. */
  | { readonly kind: "say"; readonly who: string | number | null; readonly channel: number | null; readonly text: string }
  | { readonly kind: "quit" | "help" | "nodes" | "reload" | "empty" }
  | { readonly kind: "unclear"; readonly why: string };

export const HELP = [
  "hello               the node that spoke last says hello to the gateway",
  "alice: hello        alice says it; a name that is new joins the mesh",
  "@3 hello            node number 3 says it",
  "#1 hello            on channel 1, where all hear it; also #1 alice: hello",
  "nodes, reload, help, quit; a node asks for help with alice: help",
];

/** A name is a word without blanks before a colon; text that begins so is said with a leading blank or `@`. */
export function parseSpeech(line: string): Speech {
  const text = line.trim();
  if (text === "") return { kind: "empty" };
  if (text === "quit" || text === "exit") return { kind: "quit" };
  if (text === "help" || text === "nodes" || text === "reload") return { kind: text };
  const [, channelText, afterChannel = text] = /^#(\d+)\s+(.*)$/s.exec(text) ?? [];
  const channel = channelText === undefined ? null : Number(channelText);
  if (channel !== null && channel > 7) return { kind: "unclear", why: "channels are 0 to 7" };
  if (/^#\d+$/.test(text)) return { kind: "unclear", why: "what is to be said on that channel?" };
  const byNumber = /^@(\d+):?\s+(.*)$/s.exec(afterChannel);
  if (byNumber !== null) return { kind: "say", who: Number(byNumber[1]), channel, text: byNumber[2] ?? "" };
  const byName = /^([\p{L}][\p{L}\p{N}_-]{0,30}):\s+(.*)$/su.exec(afterChannel);
  if (byName !== null) return { kind: "say", who: byName[1] ?? "", channel, text: byName[2] ?? "" };
  return { kind: "say", who: null, channel, text: afterChannel };
}
