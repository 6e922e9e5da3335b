import { PERMISSION_NAMES, type PermissionName } from "./grammar/types.ts";

/** What a permission lets a plugin do and what can go wrong, for the operator who decides. */
export interface Explained {
  readonly permission: unknown;
  /** `http_requests (hosts api.weather.gov)`. */
  readonly words: string;
  readonly risk: string;
}

const RISKS: Readonly<Record<PermissionName, { readonly wide: string; readonly scoped?: string }>> = {
  send_messages: {
    wide: "sends texts to any node on your mesh in your node's name, and uses its airtime",
    scoped: "sends texts in your node's name, only within this scope",
  },
  receive_messages: {
    wide: "reads every text that your radios receive, including direct messages to the gateway",
    scoped: "reads the texts within this scope",
  },
  database_access: { wide: "stores its own data on this machine's disk; it cannot read another plugin's data" },
  http_requests: {
    wide: "sends requests to any host on the internet: it can pass on everything that it reads on the mesh or stores",
    scoped: "sends requests to these hosts: it can pass on to them everything that it reads on the mesh or stores",
  },
  schedule_tasks: { wide: "runs at times of its own, without a message from the mesh" },
  system_state_read: { wide: "reads all nodes, their positions and battery levels, and the state of your links" },
  inter_plugin_messaging: {
    wide: "sends messages to other plugins and receives their events",
    scoped: "sends messages to these plugins, or receives these events",
  },
  secrets: { wide: "reads every secret that you store for it, such as API keys", scoped: "reads these secrets" },
  override_commands: {
    wide: "takes over reserved commands such as help or SOS: this plugin may be the only one that sees an emergency call",
    scoped: "takes over these reserved commands",
  },
  mesh_requests: {
    wide: "asks other nodes for their position, measurements and the way to them: each request uses the airtime of every node on its way",
    scoped: "asks other nodes for their position, measurements and the way to them, only so often",
  },
  region: {
    wide: "exchanges messages and stored values with the same plugin at the other sites of your region: it can pass on to them everything that it reads on the mesh or stores",
    scoped:
      "exchanges messages and stored values with the same plugin at the other sites of your region, only under these topics: it can pass on to them everything that it reads on the mesh or stores",
  },
};

/** Explains a permission entry as written in a manifest. Names in it come from the plugin: control characters are shown as `?`. */
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
  if (known === undefined) return "is a permission that this gateway does not know";
  const { wide, scoped = wide } = RISKS[known];
  if (known !== "http_requests") return scope.size === 0 ? wide : scoped;
  const hosts = scope.has("hosts") ? scoped : wide;
  return scope.get("private") === true ? `${hosts}; it can also reach devices in your own network` : hosts;
}

const printable = (value: unknown) => String(value).replace(/[\u0000-\u001f\u007f-\u009f\u2028-\u202f\u2066-\u2069]/g, "?");
