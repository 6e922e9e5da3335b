import type { LoadedConfig } from "../config/load.ts";
import { needsRestart, whyRestart } from "../config/reload.ts";
import type { Config } from "../config/schema.ts";
import type { Egress } from "../http/egress.ts";
import type { Log } from "../log/log.ts";
import type { StoredApprovals } from "../plugins/approval/approvals.ts";
import type { StoredDecisions } from "../plugins/approval/decisions.ts";
import type { Supervisor } from "../plugins/supervisor.ts";
import { parseRate } from "../rates.ts";
import type { Backups } from "./backups.ts";

export interface FollowDeps {
  readonly log: Log;
  readonly supervisor: Supervisor;
  readonly approvals: StoredApprovals;
  readonly decisions: StoredDecisions;
  readonly egress: Egress;
  readonly backups: Pick<Backups, "reschedule">;
  /** Makes the new configuration the one in force. */
  adopt(config: Config): void;
}

const OF_PLUGINS = /^plugins\.(?:enabled_plugins|disabled_plugins|config|permissions)(?:\.|$)/;

function withReason(key: string): string {
  const why = whyRestart(key);
  return why === null ? key : `${key} (${why})`;
}

/** A plugin is told the language when its realm is made. */
async function speakAnew(supervisor: Supervisor): Promise<void> {
  for (const { name, state } of supervisor.list()) if (state === "running") await supervisor.restart(name);
}

/** Applies a valid edit of the configuration file without a restart. */
export async function followConfig({ config }: LoadedConfig, keys: readonly string[], deps: FollowDeps): Promise<void> {
  const { log, supervisor, approvals, decisions, egress } = deps;
  const waiting = keys.filter(needsRestart);
  log.logger.info(`the configuration file changed: ${keys.join(", ")}`);
  if (waiting.length > 0) log.logger.warn(`needs a restart to take effect: ${waiting.map(withReason).join("; ")}`);
  deps.adopt(config);
  if (keys.some((key) => key.startsWith("backup"))) deps.backups.reschedule();
  if (keys.some((key) => key.startsWith("log"))) log.configure(config.log);
  const rate = parseRate(config.plugins.limits.http);
  if (rate.ok) egress.setRate(rate.value);
  if (keys.includes("language")) await speakAnew(supervisor);
  if (!keys.some((key) => key.startsWith("plugins"))) return;
  // Decisions made through the API or the command line hold until the plugins part of the file changes.
  if (keys.some((key) => OF_PLUGINS.test(key))) decisions.fileChanged();
  for (const plugin of supervisor.list()) approvals.refresh(plugin.candidate);
  await supervisor.follow();
}
