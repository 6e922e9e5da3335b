/** `permission why`: which rule decides about a call, or about every call of a permission. */
import type { LiveCapabilitySet } from "../permissions/capability-set.ts";
import { parseEntry, printText } from "../permissions/grammar/descriptor.ts";
import type { Ask, PermissionEntry, PermissionName } from "../permissions/grammar/types.ts";

export interface Explanation {
  readonly allowed: boolean;
  readonly rule: string;
  readonly hint?: string;
}

/** What a question can be about, for permissions that are limited by it. */
const SUBJECTS: Partial<Readonly<Record<PermissionName, string>>> = {
  send_messages: "direct, broadcast or a channel",
  receive_messages: "direct or a channel",
  http_requests: "a host",
  schedule_tasks: "an interval in seconds",
  inter_plugin_messaging: "a plugin",
  secrets: "a secret's name",
  override_commands: "a command",
  region: "a topic",
};

/** `subject` is what the call is about, such as a host; without one all that is granted and denied is listed. */
export function explain(
  capabilities: Pick<LiveCapabilitySet, "states" | "explainRule">,
  permission: PermissionName,
  subject: string | undefined,
): Explanation {
  if (subject !== undefined || SUBJECTS[permission] === undefined) {
    const { allowed, rule } = capabilities.explainRule(askFor(permission, subject));
    return { allowed, rule };
  }
  const { granted, denied, requested } = capabilities.states();
  const of = (entries: readonly PermissionEntry[]) => entries.flatMap((entry) => textOf(entry, permission));
  const parts = [of(granted).map((text) => `granted: ${text}`), of(denied).map((text) => `denied: ${text}`)].flat();
  const others = of(requested).length === 0 ? "not requested in the manifest" : "requested, and not accepted by the operator";
  return {
    allowed: of(granted).length > 0,
    rule: parts.length === 0 ? others : parts.join("; "),
    ...(parts.length === 0 ? {} : { hint: `name ${SUBJECTS[permission]} to ask about one` }),
  };
}

function textOf(entry: PermissionEntry, permission: PermissionName): string[] {
  const descriptor = parseEntry(entry);
  return descriptor.ok && descriptor.value.name === permission ? [printText(descriptor.value)] : [];
}

function askFor(permission: PermissionName, subject: string | undefined): Ask {
  switch (permission) {
    case "send_messages": {
      const index = Number(subject);
      if (subject === undefined || subject === "direct")
        return { permission, kind: "direct", channel: { index: 0 }, parts: 1, isReply: false };
      const channel = Number.isInteger(index) ? { index } : { index: 0, ...(subject === "broadcast" ? {} : { name: subject }) };
      return { permission, kind: "broadcast", channel, parts: 1, isReply: false };
    }
    case "receive_messages": {
      if (subject === undefined) return { permission, any: true };
      const index = Number(subject);
      const channel = Number.isInteger(index) ? { index } : { index: 0, name: subject };
      return subject === "direct" ? { permission, isDirect: true, channel: { index: 0 } } : { permission, isDirect: false, channel };
    }
    case "http_requests":
      return httpAsk(subject ?? "");
    case "schedule_tasks":
      return { permission, intervalS: subject === undefined ? null : Number(subject) };
    case "inter_plugin_messaging":
      return { permission, plugin: subject ?? "*" };
    case "region":
      return subject === undefined ? { permission, any: true } : { permission, topic: subject };
    case "secrets":
      return { permission, secret: subject ?? "" };
    case "override_commands":
      return { permission, command: subject ?? "" };
    default:
      return { permission };
  }
}

function httpAsk(subject: string): Ask {
  const url = URL.parse(subject.includes("://") ? subject : `https://${subject}`);
  const secure = url?.protocol !== "http:";
  const port = url === null || url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  return { permission: "http_requests", method: "GET", host: url?.hostname ?? subject, port, secure, isPrivate: false };
}
