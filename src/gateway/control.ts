import { changedKeys, deepMerge } from "../config/merge.ts";
import { Alerts } from "../control/alerts.ts";
import { Audit } from "../control/audit.ts";
import { GatewayControl } from "../control/control.ts";
import { Messages } from "../control/messages.ts";
import { Packages } from "../control/packages.ts";
import { Plugins } from "../control/plugins.ts";
import { simulateControl } from "../control/simulate.ts";
import { summaryView } from "../control/views.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Settings } from "../plugins/approval/decisions.ts";
import type { Plugin } from "../plugins/plugin/plugin.ts";
import { VERSION } from "../version.ts";
import type { Site } from "./context/context.ts";
import type { Ground } from "./context/storage.ts";
import type { Air } from "./mesh/mesh.ts";
import type { Stage } from "./plugins/plugins.ts";

/** The operator's desk: everything the API can ask, over the rooms as they are. */
export function makeDesk(site: Site, ground: Ground, air: Air, stage: Stage, isReady: () => boolean): GatewayControl {
  const { clock, bus, log } = site;
  const { supervisor, hosts, approvals, catalogue, conversation } = stage;
  const now = () => clock.now();
  return new GatewayControl({
    version: VERSION,
    startedAt: now(),
    safeMode: site.safe,
    events: bus,
    log: log.book,
    plugins: new Plugins({
      supervisor,
      approvals,
      now,
      configOf: (candidate) => catalogue.configOf(candidate),
      schemaOf: (candidate) => catalogue.schemaOf(candidate),
      limitsOf: (candidate) => {
        const { memoryMb, sliceMs, timeoutS, storageMb } = catalogue.limitsOf(candidate);
        return { memory_mb: memoryMb, slice_ms: sliceMs, timeout_s: timeoutS, storage_mb: storageMb };
      },
      saveConfig: (plugin, config) => saveConfig(stage, plugin, config),
      secrets: secretsDesk(site, ground),
      answerers: conversation.answerers,
      hostPid: (plugin) => plugin.instance?.host?.pid ?? null,
      audit: ground.note,
    }),
    messages: new Messages({
      outbox: air.outbox,
      book: air,
      correlationId: air.newId,
      audit: (event, detail) => ground.note(null, event, detail),
    }),
    audit: new Audit(ground.audit, ground.auditDir),
    packages: makePackages(site, ground, stage),
    simulate: simulateControl(air.meshes),
    supervisor,
    outbox: air.outbox,
    alerts: new Alerts(bus, now),
    now,
    isReady,
    links: air.links,
    nodes: () => air.nodes.all(),
    tasks: () => conversation.schedule.status(),
    menus: () => conversation.menuRegistry.list(),
    walls: () => hosts.running()[0]?.host.walls ?? [],
  });
}

function makePackages({ clock, config }: Site, { secrets, note }: Ground, stage: Stage): Packages {
  const { supervisor, hosts, approvals, catalogue, decisions, databases } = stage;
  return new Packages({
    dataDir: config().data_dir,
    supervisor,
    hosts,
    now: () => clock.now(),
    isReserved: (name) => catalogue.isReserved(name),
    databaseOf: (candidate) => databases.pathOf(candidate.name),
    storageMb: (candidate) => catalogue.limitsOf(candidate).storageMb,
    userConfig: (name) => catalogue.userConfig(name),
    saveConfig: (plugin, values) => saveConfig(stage, plugin, values),
    forget: (candidate) => {
      approvals.forget(candidate);
      decisions.forget(candidate.name);
      secrets.removeAll(candidate.name);
    },
    summary: (plugin) => summaryView(plugin, approvals.hash(plugin.next ?? plugin.candidate), clock.now()),
    audit: note,
  });
}

/** The log is told of every secret, so that none shows in a line. */
function secretsDesk({ log }: Site, { secrets }: Ground) {
  const hidden = new Set<string>();
  return {
    list: (plugin: string) => ok(secrets.list(plugin)),
    set: (plugin: string, name: string, value: string) => {
      log.setSecrets([...hidden.add(value)]);
      return secrets.set(plugin, name, value);
    },
    remove: (plugin: string, name: string): Result<null> =>
      secrets.remove(plugin, name)
        ? ok(null)
        : fail("not_found", `${plugin} has no secret ${name}`, { hint: `zephyrgate secret list ${plugin}` }),
  };
}

async function saveConfig(
  { catalogue, supervisor, decisions }: Stage,
  plugin: Plugin,
  config: Settings,
): Promise<Result<readonly string[]>> {
  const before = plugin.instance === null ? catalogue.configOf(plugin.candidate) : plugin.config;
  const next = deepMerge(plugin.candidate.manifest.config.defaults ?? {}, config);
  const changed = changedKeys(before, next);
  const accepted = await supervisor.reconfigure(plugin.name, next, changed);
  if (!accepted.ok) return accepted;
  decisions.saveSettings(plugin.name, config);
  await supervisor.retryFailed(plugin.name);
  return ok(changed);
}
