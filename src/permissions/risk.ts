import { PERMISSION_NAMES, type PermissionName } from "./grammar/types.ts";

/** What a permission lets a plugin do and what that can cost, in words for the operator who is asked. */
export interface Explained {
  readonly permission: unknown;
  /** `http_requests (hosts api.weather.gov)`. */
  readonly words: string;
  readonly risk: string;
}

const RISKS: Readonly<Record<PermissionName, { readonly wide: string; readonly scoped?: string }>> = {
  send_messages: {
    wide: "sends text to anybody on your mesh in your node's name and uses its airtime",
    scoped: "sends text in your node's name, only within this scope",
  },
  receive_messages: {
    wide: "reads every text your radios hear, direct messages to the gateway included",
    scoped: "reads the texts within this scope",
  },
  database_access: { wide: "keeps data of its own on this machine's disk; no other plugin's" },
  http_requests: {
    wide: "talks to any host on the internet: what it reads on the mesh or keeps, it can pass on",
    scoped: "talks to these hosts: what it reads on the mesh or keeps, it can pass on to them",
  },
  schedule_tasks: { wide: "runs by itself, without anybody asking it" },
  system_state_read: { wide: "sees all nodes, their positions and battery, and the state of your links" },
  inter_plugin_messaging: {
    wide: "asks other plugins to do things and hears what they announce",
    scoped: "asks these plugins to do things, or hears these events",
  },
  secrets: { wide: "reads every secret you store for it, such as API keys", scoped: "reads these secrets" },
  override_commands: {
    wide: "takes over reserved words such as help or SOS: an emergency call may end with this plugin",
    scoped: "takes over these reserved words",
  },
};

/** Explains a permission entry as it stands in a manifest. Names in it come from the plugin: control characters are shown as `?`. */
export function explainRisk(permission: unknown): Explained {
  const [name, scope] = typeof permission === "string" ? [permission, null] : (Object.entries(permission ?? {})[0] ?? ["?", null]);
  const keys: readonly [string, unknown][] = typeof scope === "object" && scope !== null ? Object.entries(scope) : [];
  const parts = keys.map(
    ([key, value]) => `${printable(key)} ${Array.isArray(value) ? value.map(printable).join(", ") : printable(value)}`,
  );
  const words = parts.length === 0 ? printable(name) : `${printable(name)} (${parts.join("; ")})`;
  return { permission, words, risk: riskOf(name, new Map(keys)) };
}

function riskOf(name: string, scope: ReadonlyMap<string, unknown>): string {
  const known = PERMISSION_NAMES.find((each) => each === name);
  if (known === undefined) return "does something this gateway does not know";
  const { wide, scoped = wide } = RISKS[known];
  if (known !== "http_requests") return scope.size === 0 ? wide : scoped;
  const hosts = scope.has("hosts") ? scoped : wide;
  return scope.get("private") === true ? `${hosts}; reaches devices in your own network too` : hosts;
}

const printable = (value: unknown) => String(value).replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202f\u2066-\u2069]/g, "?");
