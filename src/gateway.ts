/** The gateway as a process: reads the configuration, starts, prints the banner, and runs until it is stopped. */

import { homedir } from "node:os";
import type { ConfigurationView } from "./api/contract/views.ts";
import { backupsFolder, listBackups, newestGood } from "./backup/kept.ts";
import { verifyBackup } from "./backup/make.ts";
import type { FinishedRestore } from "./backup/place.ts";
import { systemClock, systemRandom } from "./clock.ts";
import { effectiveValues } from "./config/effective.ts";
import { type ConfigSources, type LoadedConfig, loadConfig, readConfig } from "./config/load.ts";
import { fail, type Issue, issueLine, ok, type Result } from "./errors.ts";
import { describeStart } from "./gateway/banner.ts";
import { Gateway } from "./gateway/composition-root.ts";
import { chooseInterfaces } from "./gateway/context/interfaces.ts";
import { settleAtStart, takesBack } from "./gateway/context/restored.ts";
import { CrashLog, readBootId } from "./gateway/crash-log.ts";
import { traceHops } from "./hops.ts";
import { clearProxyVariables } from "./http/resolve.ts";
import { inBackground } from "./log/background.ts";
import { escapeText } from "./log/escape.ts";
import { createLog, type Log } from "./log/log.ts";
import { discoverPorts } from "./mesh/transport/discover.ts";
import { notifySocket } from "./systemd/notify-socket.ts";
import { ServiceReport, watchdogMs } from "./systemd/service-report.ts";

export interface GatewayFlags {
  readonly config?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly port?: number | undefined;
  readonly allowAll: boolean;
  readonly safe: boolean;
  /** For the bench: reports on standard error how long the steps of commands take. */
  readonly traceHops?: boolean;
}

export interface GatewayIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly colour?: boolean;
  readonly signal?: AbortSignal;
  /** Flags of the engine itself. */
  readonly execArgv?: readonly string[];
  /** Whether a terminal is attached: then SIGHUP means that it was closed. */
  readonly isTTY?: boolean;
  /** Which of the outputs are the journal, which takes priorities at the beginning of lines. */
  readonly journal?: { readonly stdout: boolean; readonly stderr: boolean };
  /** Takes over what nobody caught; without it the process ends at once. */
  readonly onUncaught?: (handle: (thrown: unknown) => void) => void;
}

const ALLOW_ALL = "--allow-all: every plugin gets every permission that it asks for; use this for developing plugins only";

/** Longest time for an orderly stop; after it the process ends anyway. */
const STOP_DEADLINE_MS = 4_500;
/** From the banner to the time when nothing of the start is in use any more. */
const SETTLED_MS = 1_000;
/** Exit code, as sysexits.h has it: a service is not restarted for it. */
const CONFIGURATION_IS_WRONG = 78;
/** The same after an error that nobody caught: what runs may be damaged. */
const FATAL_STOP_DEADLINE_MS = 1_500;

/** What asks the engine for an inspector; null when nothing does. Plugins are debugged in `dev`, never in a gateway. */
function inspectorOf({ env, execArgv = [] }: GatewayIo): string | null {
  const isFlag = (text: string) => /(?:^|\s)--inspect(?:[=\s-]|$)/.test(text);
  const named = Object.keys(env).find((name) => /^BUN_INSPECT/.test(name) && env[name] !== "");
  const options = ["BUN_OPTIONS", "NODE_OPTIONS"].find((name) => isFlag(env[name] ?? ""));
  const flag = execArgv.find(isFlag);
  return named ?? options ?? flag ?? null;
}

interface Begun {
  readonly loaded: LoadedConfig;
  readonly restored: FinishedRestore | null;
}

/** Runs until SIGTERM, SIGINT, the io's signal or an error that nobody caught. The exit code: 0 after an orderly stop, 78 for a wrong configuration, 1 if it could not start or after an error. */
export async function runGateway(flags: GatewayFlags, io: GatewayIo): Promise<number> {
  const inspector = inspectorOf(io);
  if (inspector !== null) {
    io.stderr.write(`zephyrgate: ${inspector} opens an inspector, through which anyone could run code in the gateway: remove it\n`);
    return CONFIGURATION_IS_WRONG;
  }
  // Proxy variables are ignored: plugins' requests must reach the address that was checked.
  clearProxyVariables();
  for (;;) {
    const end = await runOnce(flags, io);
    if (end !== "again") return end;
  }
}

function complainOfConfiguration(io: GatewayIo, issues: readonly Issue[]): number {
  for (const issue of issues) complain(io, issueLine(issue));
  return CONFIGURATION_IS_WRONG;
}

/** Reads the configuration, and completes a restore, with which another one may have come. The exit code when there is no start. */
function loadAndSettle(reload: () => ReturnType<typeof loadConfig>, io: GatewayIo, boot: string): number | Begun {
  const before = reload();
  if (!before.ok) return complainOfConfiguration(io, before.error);
  const restored = settleAtStart(before.value.config.data_dir, boot);
  if (!restored.ok) {
    complain(io, restored.error.summary());
    return 1;
  }
  const loaded = restored.value === null ? before : reload();
  if (!loaded.ok) return complainOfConfiguration(io, loaded.error);
  return { loaded: loaded.value, restored: restored.value };
}

async function runOnce(flags: GatewayFlags, io: GatewayIo): Promise<number | "again"> {
  const reload = () => loadConfig(sourcesOf(flags, io));
  const boot = readBootId();
  const begun = loadAndSettle(reload, io, boot);
  if (typeof begun === "number") return begun;
  const { loaded, restored } = begun;
  const { config, file } = loaded;
  if (flags.traceHops === true)
    traceHops(
      () => performance.now(),
      (report) => io.stderr.write(`hops ${JSON.stringify(report)}\n`),
    );
  const log = createLog(config.log, {
    clock: systemClock,
    console: { write: (text) => io.stdout.write(text), colour: io.colour === true, priorities: io.journal?.stdout === true },
  });
  for (const issue of loaded.warnings ?? []) log.logger.warn(issueLine(issue));
  const crashes = new CrashLog(config.data_dir, systemClock, boot);
  const { safe } = flags;
  const comeBack = !safe && (crashes.tooMany() || crashes.culprit !== null) ? crashes : null;
  if (flags.allowAll) log.logger.warn(ALLOW_ALL);
  const chosen = chooseInterfaces(config, discoverPorts);
  // Who reads JSON gets nothing else. One write, so that no log line appears between the lines.
  const show = (lines: readonly string[]) => {
    if (config.log.format === "json") for (const line of lines) log.logger.info(line.trim());
    else if (lines.length > 0) io.stdout.write(`${lines.map(escapeText).join("\n")}\n`);
  };
  const opened = () => {
    crashes.begin();
    show(chosen.banner);
  };
  const system = { log, clock: systemClock, random: systemRandom };
  const effective = () => effectiveConfiguration(sourcesOf(flags, io));
  const choice = { allowAll: flags.allowAll, safe, comeBack };
  const readConfig = (path: string) => loadConfig({ ...sourcesOf(flags, io), flags: { ...sourcesOf(flags, io).flags, config: path } });
  const { promise: again, resolve: restart } = Promise.withResolvers<string>();
  const files = { reload, readConfig, effective };
  const gateway = new Gateway({ ...system, ...choice, ...files, loaded, chosen, restored, opened, restart });
  const isSimulated = chosen.interfaces.some((entry) => entry.type === "simulated");
  const banner = () => show(describeStart(gateway, { dataDir: config.data_dir, configFile: file, isSimulated, flags: sameFlags(flags) }));
  const code = await runUntilStopped(gateway, { io, log, crashes, banner, again, dataDir: config.data_dir });
  log.stop();
  return code;
}

function effectiveConfiguration(sources: ConfigSources): Result<ConfigurationView> {
  const read = readConfig(sources);
  if (!read.ok) return fail("config_invalid", read.error.map(issueLine).join("; ") || "the configuration is wrong");
  const values = effectiveValues(read.value).map(({ key, value, from }) => ({ key, value, from }));
  return ok({ file: read.value.loaded.file, values });
}

interface Run {
  readonly io: GatewayIo;
  readonly log: Log;
  readonly crashes: CrashLog;
  readonly dataDir: string;
  /** Resolves to the reason when the gateway is to end and start again. */
  readonly again: Promise<string>;
  /** Shows what is to be said once the gateway is up. */
  banner(): void;
}

async function runUntilStopped(gateway: Gateway, { io, log, crashes, banner, again, dataDir }: Run): Promise<number | "again"> {
  const uncaught = noteUncaught(gateway, log, io);
  const service = reportTo(gateway, log, io.env);
  service.starting();
  const reload = () =>
    inBackground(
      log.logger,
      "reading the configuration again",
      service.reloading(async () => void (await gateway.reload())),
    );
  const signals = untilStopped(io, reload);
  const stopped = Promise.race([signals.stopped, uncaught.first]);
  // A stop during the start does not wait for the plugins.
  const started = await Promise.race([gateway.start(), stopped.then(() => null)]);
  if (started?.ok === false) {
    complain(io, started.error.summary());
    if (takesBack(dataDir, gateway.restored, started.error)) {
      complain(io, "what was restored does not start: what was there before is put back");
      crashes.takeBack();
      signals.end();
      return "again";
    }
    if (started.error.data?.damaged === true) for (const line of await offerBackup(dataDir)) complain(io, line);
    crashes.takeBack();
    return started.error.code === "config_invalid" ? CONFIGURATION_IS_WRONG : 1;
  }
  if (started !== null) {
    banner();
    service.started();
    setTimeout(releaseStartMemory, SETTLED_MS).unref();
  }
  const end = await Promise.race([stopped.then((why) => ({ why, isRestart: false })), again.then((why) => ({ why, isRestart: true }))]);
  if (end.isRestart) service.restarting(end.why);
  else service.stopping(end.why);
  log.logger.info(`stopping: ${end.why}`);
  const inTime = await stopInTime(gateway, log, uncaught);
  if (uncaught.count > 0) return 1;
  crashes.end();
  // Who was told to stop while it restarted stops.
  if (!end.isRestart || !inTime || signals.isStopped) return 0;
  signals.end();
  return "again";
}

async function stopInTime(gateway: Gateway, { logger }: Log, uncaught: Uncaught): Promise<boolean> {
  const late = Promise.race([Bun.sleep(STOP_DEADLINE_MS), uncaught.first.then(() => Bun.sleep(FATAL_STOP_DEADLINE_MS))]);
  const inTime = await Promise.race([gateway.stop().then(() => true), late.then(() => false)]);
  if (inTime) logger.info("stopped");
  else logger.warn("not everything stopped in time; ending anyway");
  return inTime;
}

/** What the start alone needed, 10 to 20 MB, goes back to the system: at rest the engine would not collect it for a long time. */
function releaseStartMemory(): void {
  Bun.gc(true);
  Bun.shrink();
}

/** What to do about a damaged core database. */
async function offerBackup(dataDir: string): Promise<string[]> {
  const newest = await newestGood(dataDir, verifyBackup);
  if (newest === null) return listBackups(dataDir).length === 0 ? [] : [`none of the backups in ${backupsFolder(dataDir)} is good`];
  const restore = `zephyrgate restore ${JSON.stringify(newest.path)} --only-database`;
  return [
    `the newest good backup is of ${new Date(newest.madeAt).toISOString()}; restore its database with: ${restore}`,
    "grants, decisions, messages and nodes since then are lost; plugins and their data stay",
  ];
}

interface Uncaught {
  count: number;
  /** Resolves to the reason to stop. */
  readonly first: Promise<string>;
}

/** Logs every error that nobody caught, and announces the first to the operators. */
function noteUncaught({ bus }: Gateway, { logger }: Log, io: GatewayIo): Uncaught {
  const { promise: first, resolve } = Promise.withResolvers<string>();
  const uncaught = { count: 0, first };
  io.onUncaught?.((thrown) => {
    logger.error("an error that nobody caught; the gateway ends", { error: thrown });
    uncaught.count += 1;
    if (uncaught.count > 1) return;
    resolve("an error that nobody caught");
    // Without the error's own text, which may hold a secret.
    bus.emit("alert", { code: "gateway_failed", message: "the gateway ends after an error of its own; see its log" });
  });
  return uncaught;
}

/** The flags with which another verb finds the same gateway. */
function sameFlags({ config, dataDir, port }: GatewayFlags): string {
  const given = { config, "data-dir": dataDir, port };
  return Object.entries(given)
    .flatMap(([name, value]) => (value === undefined ? [] : [` --${name} ${value}`]))
    .join("");
}

function sourcesOf(flags: GatewayFlags, io: GatewayIo): ConfigSources {
  return {
    flags: {
      ...(flags.config === undefined ? {} : { config: flags.config }),
      ...(flags.dataDir === undefined ? {} : { dataDir: flags.dataDir }),
      ...(flags.port === undefined ? {} : { port: String(flags.port) }),
    },
    env: io.env,
    cwd: io.cwd,
    home: io.env.HOME ?? homedir(),
  };
}

/** The service manager of NOTIFY_SOCKET, if there is one. */
function reportTo(gateway: Gateway, { logger }: Log, env: GatewayIo["env"]): ServiceReport {
  return new ServiceReport({
    clock: systemClock,
    log: logger,
    socket: notifySocket(env.NOTIFY_SOCKET),
    watchdogMs: watchdogMs(env, process.pid),
    liveness: () => gateway.liveness(),
    status: () => gateway.summary,
  });
}

interface Signals {
  /** Resolves to the name of the signal. */
  readonly stopped: Promise<string>;
  isStopped: boolean;
  /** Listens no longer. */
  end(): void;
}

/** SIGHUP reads the configuration again, or ends the gateway when its terminal was closed. */
function untilStopped({ signal, isTTY = false }: GatewayIo, reload: () => void): Signals {
  const { promise: stopped, resolve } = Promise.withResolvers<string>();
  const stop = (name: string) => {
    signals.isStopped = true;
    resolve(name);
  };
  // The handlers stay: npm forwards a Ctrl-C that the terminal has already sent, and an unhandled second one would kill.
  const handlers = { SIGTERM: () => stop("SIGTERM"), SIGINT: () => stop("SIGINT"), SIGHUP: () => (isTTY ? stop("SIGHUP") : reload()) };
  const names = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
  const signals: Signals = {
    stopped,
    isStopped: signal?.aborted === true,
    end: () => {
      for (const name of names) process.off(name, handlers[name]);
    },
  };
  for (const name of names) process.on(name, handlers[name]);
  signal?.addEventListener("abort", () => stop("asked to"), { once: true });
  return signals;
}

/** One line on standard error. */
function complain({ stderr, journal }: GatewayIo, text: string): void {
  stderr.write(`${journal?.stderr === true ? "<3>" : ""}zephyrgate: ${escapeText(text)}\n`);
}
