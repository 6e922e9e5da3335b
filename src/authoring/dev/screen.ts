/** The output of `dev`: one line for each event, in colour where the terminal has colours, with the prompt always last. */
import { basename } from "node:path";
import { GatewayError, type Issue, issueLine } from "../../errors.ts";
import { clip, escapeText } from "../../log/escape.ts";
import { fieldsOf } from "../../log/format.ts";
import type { LogLine } from "../../log/line.ts";
import type { AuditItem } from "../../permissions/audit/query.ts";
import { parseText, toEntry } from "../../permissions/grammar/descriptor.ts";

export interface Terminal {
  write(text: string): unknown;
  readonly colour: boolean;
  /** A prompt is shown. */
  readonly isTTY: boolean;
}

const COLOURS = { good: "32", bad: "31", warn: "33", mesh: "36", dim: "2" } as const;
type Colour = keyof typeof COLOURS;
const PROMPT = "> ";
const MAX_FIELDS = 1024;

export class Screen {
  #prompting = false;

  constructor(
    private readonly terminal: Terminal,
    private readonly folders: readonly string[],
  ) {}

  prompt(): void {
    if (!this.terminal.isTTY) return;
    this.#prompting = true;
    this.terminal.write(PROMPT);
  }

  /** Call it when a line was typed: the cursor is then at the start of a line again. */
  typed(): void {
    this.#prompting = false;
  }

  show(text: string, colour?: Colour): void {
    const escaped = escapeText(this.#shortened(text));
    const line = colour === undefined || !this.terminal.colour ? escaped : `\u001b[${COLOURS[colour]}m${escaped}\u001b[0m`;
    this.terminal.write(this.#prompting ? `\r\u001b[K${line}\n${PROMPT}` : `${line}\n`);
  }

  /** Places in a folder are shown relative to it, with its name where there are several. */
  #shortened(text: string): string {
    const [only] = this.folders;
    if (this.folders.length === 1) return text.replaceAll(`${only}/`, "");
    return this.folders.reduce((shown, folder) => shown.replaceAll(`${folder}/`, `${basename(folder)}/`), text);
  }

  issues(issues: readonly Issue[]): void {
    for (const issue of issues) this.show(issueLine(issue), "bad");
  }

  /** Why the plugin did not load: each problem on a line of its own, with its place. */
  failure(error: GatewayError): void {
    let cause: unknown = error;
    for (let depth = 0; depth < 5 && cause instanceof GatewayError; depth++, cause = cause.cause) {
      const issues = cause.data?.issues;
      if (!Array.isArray(issues)) continue;
      this.issues(issues as readonly Issue[]);
      return;
    }
    this.show(error.summary(), "bad");
  }

  log(line: LogLine): void {
    const { level, plugin, message, error_message, stack_trace } = line;
    const error = error_message === undefined || error_message === null || message.includes(error_message) ? "" : `: ${error_message}`;
    const place = (stack_trace ?? "").split("\n").find((line) => /\.[cm]?[jt]s:\d+/.test(line) && !line.includes("sdk"));
    const where = place === undefined ? "" : ` (${/([^\s()]+:\d+(?::\d+)?)\)?$/.exec(place.trim())?.[1] ?? place.trim()})`;
    const fields = clip(fieldsOf(line).join(" "), MAX_FIELDS);
    const colour: Colour = level === "ERROR" ? "bad" : level === "WARN" ? "warn" : "dim";
    this.show(`${level.toLowerCase()} ${plugin ?? "gateway"}: ${message}${error}${where}${fields === "" ? "" : ` ${fields}`}`, colour);
  }

  /** With what would allow it: `grant`, where it was taken away at the prompt. */
  denied({ permission, scope, rule }: AuditItem, isTaken: boolean): void {
    this.show(`denied: ${scope === "" ? permission : scope} (${rule})`, "bad");
    const way = isTaken ? `give it back: grant ${permission}` : `add to manifest.yaml under permissions: - ${yamlLine(permission, scope)}`;
    this.show(`  ${way}`, "warn");
  }
}

/** `http_requests: { hosts: [example.org] }` */
function yamlLine(permission: string, scope: string): string {
  // Requests have their method before it.
  const parsed = parseText(scope.slice(Math.max(0, scope.indexOf(`${permission}(`))));
  if (!parsed.ok) return permission;
  const entry = toEntry(parsed.value);
  if (typeof entry === "string") return entry;
  const [name = permission, inner = {}] = Object.entries(entry)[0] ?? [];
  const parts = Object.entries(inner as Record<string, unknown>)
    .filter(([key, value]) => !(key === "private" && value === true) && !(Array.isArray(value) && value.length === 0))
    .map(([key, value]) => `${key}: ${Array.isArray(value) ? `[${value.join(", ")}]` : String(value)}`);
  return parts.length === 0 ? name : `${name}: { ${parts.join(", ")} }`;
}
