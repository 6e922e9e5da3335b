import { type ChannelPlace, parseLinkIndex } from "../channels.ts";
import { topicProblem } from "../sdk/boundary/topics.ts";
import type { Why } from "./decide.ts";
import { type Descriptor, printText, toEntry } from "./grammar/descriptor.ts";
import type { Ask } from "./grammar/types.ts";

/** The smallest descriptor that would allow this call: what was asked, and what a manifest would have to say. */
export function wantedBy(ask: Ask): Descriptor {
  const channel = ({ link, index, name = "" }: ChannelPlace) => {
    if (name !== "" && parseLinkIndex(name) === null) return [name];
    return [link === undefined ? index : `${link}/${index}`];
  };
  switch (ask.permission) {
    case "send_messages":
      return { name: ask.permission, scope: ask.kind === "direct" ? { channels: [] } : { channels: channel(ask.channel), direct: false } };
    case "receive_messages":
      if ("any" in ask) return { name: ask.permission, scope: {} };
      return { name: ask.permission, scope: ask.isDirect ? { channels: [] } : { channels: channel(ask.channel), direct: false } };
    case "http_requests": {
      const usual = ask.port === (ask.secure ? 443 : 80);
      const method = METHODS.find((known) => known === ask.method);
      const scope = { hosts: [usual ? ask.host : `${ask.host}:${ask.port}`], ...(method === undefined ? {} : { methods: [method] }) };
      return { name: ask.permission, scope: ask.isPrivate ? { ...scope, private: true } : scope };
    }
    case "schedule_tasks":
      return { name: ask.permission, scope: ask.intervalS === null ? {} : { min_interval_s: ask.intervalS } };
    case "inter_plugin_messaging":
      if ("any" in ask) return { name: ask.permission, scope: {} };
      return {
        name: ask.permission,
        scope: "plugin" in ask ? { plugins: [ask.plugin], events: [] } : { plugins: [], events: [ask.event] },
      };
    case "region":
      return { name: ask.permission, scope: "any" in ask || topicProblem(ask.topic) !== null ? {} : { topics: [ask.topic] } };
    case "secrets":
      return { name: ask.permission, scope: { names: [ask.secret] } };
    case "override_commands":
      return { name: ask.permission, scope: { names: [ask.command] } };
    default:
      return { name: ask.permission, scope: {} };
  }
}

/** Default methods need no mention in the hint. */
const METHODS = ["PUT", "PATCH", "DELETE", "OPTIONS"] as const;
const SCOPE_MAX = 200;

/** The scope asked for, in one line for log, audit and error. Hostile names in it are quoted and cut. */
export function scopeOf(ask: Ask): string {
  const method = ask.permission === "http_requests" ? `${ask.method.slice(0, 20)} ` : "";
  const parts = ask.permission === "send_messages" && ask.parts > 1 ? ` x${ask.parts}` : "";
  const text = `${method}${printText(wantedBy(ask))}${parts}`;
  return text.length > SCOPE_MAX ? `${text.slice(0, SCOPE_MAX - 1)}…` : text;
}

/** What to do about a refusal. */
export function hintFor(plugin: string, ask: Ask, cause: Why["cause"] | undefined): string {
  const wanted = wantedBy(ask);
  const text = printText(wanted).slice(0, SCOPE_MAX);
  if (cause === "not_requested") return `add to permissions in manifest.yaml: - ${yaml(wanted).slice(0, SCOPE_MAX)}`;
  if (cause === "awaiting" || cause === "revoked" || cause === "denied")
    return `the operator can allow it: zephyrgate permission grant ${plugin} '${text}'`;
  return `see zephyrgate permission why ${plugin} '${text}'`;
}

/** The entry as one line of YAML. */
export function yaml(descriptor: Descriptor): string {
  const entry = toEntry(descriptor);
  if (typeof entry === "string") return entry;
  return JSON.stringify(entry)
    .replace(/"([a-z_]+)":/g, "$1: ")
    .replace(/^\{/, "")
    .replace(/\}$/, "")
    .replaceAll(",", ", ");
}
