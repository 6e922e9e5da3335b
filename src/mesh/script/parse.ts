import { isMap, isNode, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import { parseYaml } from "../../config/yaml.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { BROADCAST, type NodeNumber, parseNodeId } from "../ids.ts";
import type { Fault } from "../simulator/faults.ts";
import type { SayRequest } from "../simulator/texts.ts";

/** One step of `simulate run FILE`, with its line. Times are seconds. */
export type ScriptStep = { readonly line: number } & (
  | { readonly kind: "say"; readonly say: SayRequest; readonly afterS: number }
  /** A text of the gateway contains this: one that no earlier step expected, or one that comes in time. */
  | { readonly kind: "expect"; readonly contains: string; readonly withinS: number; readonly to?: NodeNumber }
  | { readonly kind: "wait"; readonly s: number }
  | { readonly kind: "fail"; readonly fault: Fault }
);

const MAX_SOURCE = 256 * 1024;
const MAX_STEPS = 2000;
const MAX_WAIT_S = 3600;
const DEFAULT_WITHIN_S = 30;
const KEYS: Readonly<Record<string, readonly string[]>> = {
  say: ["from", "to", "channel", "after_s", "reply_id"],
  expect: ["within_s", "to"],
  wait_s: [],
  fail: [],
};
const FAULT_EXAMPLES =
  "drop: 1, nak: 39, lose_ack: 1, full_queue: 2, duplicate: 1, latency_s: 2, loss: 0.3, reboot_s: 5, silence_s: 30, rubbish: 100, busy_s: 20, region_unset, disconnect, resume";

/** One mistake in the script; becomes one line of the error. */
class Mistake {
  constructor(
    readonly node: Node | null,
    readonly message: string,
  ) {}
}

/**
 * Reads a script: a YAML list of steps `{say, from, to?, channel?, after_s?}`, `{expect, within_s?, to?}`, `{wait_s}` and
 * `{fail}`. All mistakes are reported together, each with its line, as `config_invalid`. `name` is the file's, for the messages.
 */
export function parseScript(source: string, name: string): Result<readonly ScriptStep[]> {
  if (source.length > MAX_SOURCE) return fail("too_large", `${name} is longer than ${MAX_SOURCE} characters`, { where: name });
  const tree = parseYaml(source, name, 4 * MAX_SOURCE);
  if (!tree.ok) {
    const [{ line = 1, message, hint } = { message: "it is not YAML" }] = tree.error;
    return fail("config_invalid", message, { where: `${name}:${line}`, ...(hint === undefined ? {} : { hint }) });
  }
  const { contents, at } = tree.value;
  const lineOf = (node: Node | null) => at(node?.range?.[0] ?? 0).line ?? 1;
  const hint = "write a list: - { say: hello, from: '!00000002' }";
  if (!isSeq(contents)) return fail("config_invalid", "the script is not a list of steps", { where: `${name}:1`, hint });
  if (contents.items.length > MAX_STEPS) return fail("too_large", `more than ${MAX_STEPS} steps`, { where: name });
  const steps: ScriptStep[] = [];
  const mistakes: string[] = [];
  for (const item of contents.items.filter(isNode)) {
    const step = isMap(item) ? readStep(item, lineOf(item)) : new Mistake(item, `a step must be a map; ${hint}`);
    if (step instanceof Mistake) mistakes.push(`${name}:${lineOf(step.node)}: ${step.message}`);
    else steps.push(step);
  }
  if (mistakes.length > 0) return fail("config_invalid", mistakes.join("\n"), { data: { mistakes } });
  return ok(steps);
}

function readStep(map: YAMLMap, line: number): ScriptStep | Mistake {
  const kind = Object.keys(KEYS).find((key) => map.has(key));
  if (kind === undefined) return new Mistake(map, `a step needs one of ${Object.keys(KEYS).join(", ")}`);
  for (const pair of map.items) {
    const key = isScalar(pair.key) ? String(pair.key.value) : "?";
    if (key !== kind && !KEYS[kind]?.includes(key)) {
      return new Mistake(
        isNode(pair.key) ? pair.key : map,
        `${kind} has no key ${key}; known: ${[kind, ...(KEYS[kind] ?? [])].join(", ")}`,
      );
    }
  }
  switch (kind) {
    case "say":
      return readSay(map, line);
    case "expect":
      return readExpect(map, line);
    case "wait_s": {
      const s = readNumber(map, "wait_s", { min: 0, max: MAX_WAIT_S }) ?? 0;
      return s instanceof Mistake ? s : { line, kind: "wait", s };
    }
    default: {
      const fault = readFault(map);
      return fault instanceof Mistake ? fault : { line, kind: "fail", fault };
    }
  }
}

function readSay(map: YAMLMap, line: number): ScriptStep | Mistake {
  const text = readText(map, "say");
  const from = readNode(map, "from");
  const to = readNode(map, "to");
  const channel = readNumber(map, "channel", { min: 0, max: 7 });
  const afterS = readNumber(map, "after_s", { min: 0, max: MAX_WAIT_S }) ?? 0;
  const replyId = readNumber(map, "reply_id", { min: 1, max: 0xffffffff });
  if (text instanceof Mistake) return text;
  if (from instanceof Mistake) return from;
  if (to instanceof Mistake) return to;
  if (channel instanceof Mistake) return channel;
  if (afterS instanceof Mistake) return afterS;
  if (replyId instanceof Mistake) return replyId;
  if (from === undefined) return new Mistake(map, "say needs from: the node that sends the text, as '!00000002'");
  const optional = { ...(to === undefined ? {} : { to }), ...(channel === undefined ? {} : { channel }) };
  return { line, kind: "say", say: { text, from, ...optional, ...(replyId === undefined ? {} : { replyId }) }, afterS };
}

function readExpect(map: YAMLMap, line: number): ScriptStep | Mistake {
  const contains = readText(map, "expect");
  const withinS = readNumber(map, "within_s", { min: 0, max: MAX_WAIT_S }) ?? DEFAULT_WITHIN_S;
  const to = readNode(map, "to");
  if (contains instanceof Mistake) return contains;
  if (withinS instanceof Mistake) return withinS;
  if (to instanceof Mistake) return to;
  return { line, kind: "expect", contains, withinS, ...(to === undefined ? {} : { to }) };
}

function readFault(map: YAMLMap): Fault | Mistake {
  const value = nodeAt(map, "fail");
  const word = isScalar(value) ? value.value : undefined;
  if (word === "disconnect" || word === "resume" || word === "region_unset") return { kind: word };
  if (!isMap(value) || value.items.length !== 1) return new Mistake(value ?? map, `fail must be one of ${FAULT_EXAMPLES}`);
  const number = (key: string, max: number) => readNumber(value, key, { min: 0, max }) ?? 1;
  const key = value.items[0]?.key;
  switch (isScalar(key) ? key.value : undefined) {
    case "drop":
      return withNumber(number("drop", 1000), (count) => ({ kind: "drop", count }));
    case "lose_ack":
      return withNumber(number("lose_ack", 1000), (count) => ({ kind: "lose_ack", count }));
    case "duplicate":
      return withNumber(number("duplicate", 1000), (count) => ({ kind: "duplicate", count }));
    case "nak":
      return withNumber(number("nak", 255), (code) => ({ kind: "nak", code }));
    case "full_queue":
      return withNumber(number("full_queue", 1000), (count) => ({ kind: "queue_status", res: 32, count }));
    case "latency_s":
      return withNumber(number("latency_s", 600), (s) => ({ kind: "latency", ms: s * 1000 }));
    case "loss":
      return withNumber(number("loss", 1), (fraction) => ({ kind: "loss", fraction }));
    case "reboot_s":
      return withNumber(number("reboot_s", MAX_WAIT_S), (s) => ({ kind: "reboot", ms: s * 1000 }));
    case "silence_s":
      return withNumber(number("silence_s", MAX_WAIT_S), (s) => ({ kind: "silence", ms: s * 1000 }));
    case "busy_s":
      return withNumber(number("busy_s", MAX_WAIT_S), (s) => ({ kind: "busy", ms: s * 1000 }));
    case "rubbish":
      return withNumber(number("rubbish", 65536), (bytes) => ({ kind: "rubbish", bytes }));
    default:
      return new Mistake(value, `fail must be one of ${FAULT_EXAMPLES}`);
  }
}

function withNumber(value: number | Mistake, make: (value: number) => Fault): Fault | Mistake {
  return value instanceof Mistake ? value : make(value);
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

function nodeAt(map: YAMLMap, key: string): Node | undefined {
  const value: unknown = map.get(key, true);
  return isNode(value) ? value : undefined;
}

function readText(map: YAMLMap, key: string): string | Mistake {
  const node = nodeAt(map, key);
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === "string" && value !== "") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return new Mistake(node ?? map, `${key} needs a text`);
}

function readNumber(map: YAMLMap, key: string, { min, max }: Bounds): number | Mistake | undefined {
  if (!map.has(key)) return undefined;
  const node = nodeAt(map, key);
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === "number" && value >= min && value <= max) return value;
  return new Mistake(node ?? map, `${key} must be a number from ${min} to ${max}`);
}

/** `'!00000002'`, 2, or `broadcast`. */
function readNode(map: YAMLMap, key: string): NodeNumber | undefined | Mistake {
  if (!map.has(key)) return undefined;
  const node = nodeAt(map, key);
  const value = isScalar(node) ? node.value : undefined;
  if (typeof value === "number" && Number.isInteger(value) && value > 0 && value <= BROADCAST) return value;
  if (value === "broadcast" && key === "to") return BROADCAST;
  const number = typeof value === "string" ? parseNodeId(value) : null;
  return number ?? new Mistake(node ?? map, `${key} must be a node: '!00000002' (in quotes) or its number`);
}
