/** What a permission lets a plugin do and what that can cost, in words for the operator who is asked. */
export interface Explained {
  readonly permission: unknown;
  /** `http_requests (hosts api.weather.gov)`. */
  readonly words: string;
  readonly risk: string;
}

const RISKS: Readonly<Record<string, { wide: string; scoped?: string }>> = {
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

/** Explains a permission entry as it stands in a manifest. */
export function explainRisk(permission: unknown): Explained {
  const [name, scope] =
    typeof permission === "string" ? [permission, undefined] : (Object.entries(permission ?? {})[0] ?? ["?", undefined]);
  const scoped = typeof scope === "object" && scope !== null && Object.keys(scope).length > 0 ? (scope as Record<string, unknown>) : null;
  const risk = RISKS[name];
  let words = risk?.wide ?? "does something this gateway does not know";
  if (scoped !== null && risk?.scoped !== undefined) words = risk.scoped;
  if (name === "http_requests" && scoped !== null && scoped.hosts === undefined) words = risk?.wide ?? words;
  if (name === "http_requests" && scoped?.private === true) words += "; reaches devices in your own network too";
  const parts = Object.entries(scoped ?? {}).map(([key, value]) => `${key} ${Array.isArray(value) ? value.join(", ") : String(value)}`);
  return { permission, words: parts.length === 0 ? name : `${name} (${parts.join("; ")})`, risk: words };
}
