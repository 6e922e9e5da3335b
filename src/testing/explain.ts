import type { LogLine } from "../log/line.ts";
import type { TestPlugin } from "./plugin.ts";
import type { Denial, SentMessage } from "./world/sent.ts";

export interface Facts {
  readonly plugins: readonly TestPlugin[];
  readonly sent: readonly SentMessage[];
  readonly denied: readonly Denial[];
  readonly unanswered: readonly string[];
  readonly logs: readonly LogLine[];
}

const LAST = 10;

/** A sentence, and below it the facts that help to find the cause. */
export function explain(what: string, facts: Facts): string {
  const sections: [string, readonly string[]][] = [
    ["plugins", facts.plugins.flatMap(pluginLines)],
    ["sent", facts.sent.slice(-LAST).map(sentLine)],
    ["denied", unique(facts.denied.map(({ plugin, permission, scope, rule }) => `${plugin}: ${permission} ${scope} (${rule})`))],
    ["requests without an answer of the test", unique(facts.unanswered)],
    [
      "last lines of the log",
      facts.logs
        .filter((line) => line.level !== "DEBUG")
        .slice(-LAST)
        .map(logLine),
    ],
  ];
  const shown = sections.map(
    ([title, lines]) => `\n${title}:${lines.length === 0 ? " none" : lines.map((line) => `\n  ${line}`).join("")}`,
  );
  return `${what}\n${shown.join("")}\n`;
}

function pluginLines(plugin: TestPlugin): string[] {
  const kinds = new Map<string, string[]>();
  for (const { kind, name } of plugin.registered) kinds.set(kind, [...(kinds.get(kind) ?? []), name]);
  const reason = plugin.reason === "" ? "" : `: ${plugin.reason}`;
  return [`${plugin.name} is ${plugin.state}${reason}`, ...[...kinds].map(([kind, names]) => `  ${kind}: ${names.join(", ")}`)];
}

function sentLine({ text, to, channel, state, reason }: SentMessage): string {
  const where = to === "broadcast" ? `channel ${channel}` : to;
  return `to ${where}, ${state}${reason === null ? "" : ` (${reason})`}: ${JSON.stringify(text)}`;
}

function logLine({ level, plugin, message, error_message, stack_trace }: LogLine): string {
  const about = plugin === null ? "" : `${plugin}: `;
  const error = error_message === undefined || error_message === null || message.includes(error_message) ? "" : ` ${error_message}`;
  const stack = (stack_trace ?? "").split("\n").find((line) => /\.[jt]s:\d+/.test(line));
  return `${level} ${about}${message}${error}${stack === undefined ? "" : `\n    ${stack.trim()}`}`;
}

function unique(lines: readonly string[]): string[] {
  return [...new Set(lines)].slice(-LAST);
}
