/** Reads a line typed at the prompt of `dev`: what a node says, or what is done to the simulated world. */
import { nearest } from "../../nearest.ts";
import { PERMISSION_NAMES } from "../../permissions/grammar/types.ts";

/** A node: by name, or by number (`@3`, `!00000003`). */
export type Who = string | number;

export type Speech =
  /** `who` null: the node that spoke last. `channel` null: directly to the gateway. */
  | { readonly kind: "say"; readonly who: Who | null; readonly channel: number | null; readonly text: string }
  | { readonly kind: "as"; readonly who: Who }
  | { readonly kind: "at"; readonly latitude: number; readonly longitude: number }
  | { readonly kind: "battery"; readonly percent: number }
  | { readonly kind: "advance"; readonly ms: number }
  /** `plugin` null: each plugin that asks for it. */
  | { readonly kind: "deny" | "grant"; readonly plugin: string | null; readonly permission: string }
  | { readonly kind: "quit" | "help" | "nodes" | "reload" | "nak" | "restart" | "empty" }
  | { readonly kind: "unclear"; readonly why: string };

export const HELP = [
  "hello               the node that spoke last says hello to the gateway",
  "alice: hello        alice says it; a name that is new joins the mesh",
  "@3 hello            node number 3 says it",
  "#1 hello            on channel 1, where all hear it; also #1 alice: hello",
  "as bob              bob speaks from now on",
  "at 54.47 9.05       the node that spoke last is there, and says so",
  "battery 12          its battery is at 12 percent, and it says so",
  "advance 10m         time passes (s, m, h, d): tasks run, stored data expires",
  "deny send_messages  takes a permission away; grant gives it back. With several plugins: deny NAME PERMISSION",
  "nak                 the radio refuses the next text of the gateway",
  "restart             the gateway stops and starts again on the same data; reload loads the plugin's files",
  "nodes, help, quit   with a name before it any of these words is a text: alice: help",
];

const WORDS = ["quit", "help", "nodes", "reload", "nak", "restart"] as const;
const NAME = /^[\p{L}][\p{L}\p{N}_-]{0,30}$/u;
const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const MAX_ADVANCE_MS = 31 * 86_400_000;

/** A name is a word without blanks before a colon; text that begins so, or with a word of the prompt, is said by `alice: text`. */
export function parseSpeech(line: string): Speech {
  const text = line.trim();
  if (text === "") return { kind: "empty" };
  if (text === "exit") return { kind: "quit" };
  const word = WORDS.find((each) => each === text);
  return word === undefined ? (order(text) ?? said(text)) : { kind: word };
}

/** What is no text: a verb with what it needs. Null for everything else, so that `at noon` can be said. */
function order(text: string): Speech | null {
  const [verb = "", ...rest] = text.split(/\s+/);
  if (verb === "as") return rest.length === 1 ? who(rest[0] ?? "") : null;
  if (verb === "at") return place(rest);
  if (verb === "battery") return battery(rest);
  if (verb === "advance") return span(rest);
  if (verb === "deny" || verb === "grant") return permission(verb, rest);
  return null;
}

function who(text: string): Speech {
  const number = numberOf(text);
  if (number !== null) return { kind: "as", who: number };
  return NAME.test(text) ? { kind: "as", who: text } : { kind: "unclear", why: "write: as alice, as @3, or as !00000003" };
}

function numberOf(text: string): number | null {
  const [, decimal, hex] = /^(?:@(\d{1,10})|!([0-9a-f]{8}))$/i.exec(text) ?? [];
  return decimal === undefined ? (hex === undefined ? null : Number.parseInt(hex, 16)) : Number(decimal);
}

function place(rest: readonly string[]): Speech | null {
  if (rest.length === 0 || !rest.every((each) => /^[-+]?[\d.]+,?$/.test(each))) return null;
  const [latitude = Number.NaN, longitude = Number.NaN] = rest.map((each) => Number(each.replace(/,$/, "")));
  const isPlace = rest.length === 2 && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
  return isPlace
    ? { kind: "at", latitude, longitude }
    : { kind: "unclear", why: "a place is latitude and longitude in degrees: at 54.47 9.05" };
}

function battery(rest: readonly string[]): Speech | null {
  if (rest.length !== 1 || !/^[-+]?[\d.]+%?$/.test(rest[0] ?? "")) return null;
  const percent = Number((rest[0] ?? "").replace("%", ""));
  const fits = Number.isInteger(percent) && percent >= 0 && percent <= 101;
  return fits ? { kind: "battery", percent } : { kind: "unclear", why: "a battery has 0 to 100 percent, 101 means powered: battery 12" };
}

function span(rest: readonly string[]): Speech | null {
  const text = rest.join("");
  if (!/^[-+]?\d/.test(text)) return rest.length === 0 ? { kind: "unclear", why: "by how much? advance 10m" } : null;
  const [, amount = "", unit = ""] = /^(\d+(?:\.\d+)?)(s|m|h|d)$/.exec(text) ?? [];
  const ms = Number(amount) * (UNITS[unit] ?? Number.NaN);
  if (!(ms > 0)) return { kind: "unclear", why: "write a number and s, m, h or d: advance 10m" };
  return ms > MAX_ADVANCE_MS ? { kind: "unclear", why: "31d at once at most" } : { kind: "advance", ms };
}

function permission(kind: "deny" | "grant", rest: readonly string[]): Speech | null {
  const [name = "", plugin = null] = [...rest].reverse();
  if (rest.length > 2 || !/^[a-z]\w*$/.test(name))
    return rest.length === 0 ? { kind: "unclear", why: `${kind} what? ${kind} send_messages` } : null;
  if (PERMISSION_NAMES.some((each) => each === name)) return { kind, plugin, permission: name };
  const near = nearest(name, PERMISSION_NAMES);
  const why = `${name} is no permission${near === null ? `: there are ${PERMISSION_NAMES.join(", ")}` : `; did you mean ${near}?`}`;
  return { kind: "unclear", why };
}

function said(text: string): Speech {
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
