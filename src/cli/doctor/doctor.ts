import { accessSync, constants, existsSync, readdirSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type * as v from "valibot";
import { tokenPath } from "../../api/access/token.ts";
import { statusView } from "../../api/routes/system.ts";
import { mayBeMissing } from "../../bridge/launch.ts";
import type { Clock } from "../../clock.ts";
import type { LoadedConfig } from "../../config/load.ts";
import type { Result } from "../../errors.ts";
import { OwnClock, reasonOf } from "../../timekeeping/own-clock.ts";
import type { TimeSource } from "../../timekeeping/sources.ts";
import type { Client } from "../client/client.ts";

/** The result of one check; `fix` is what the operator should do. */
export interface Finding {
  readonly grade: "ok" | "warn" | "fail";
  readonly what: string;
  readonly found: string;
  readonly fix?: string;
}

type Config = LoadedConfig["config"];

const MB = 1_048_576;
const BY_ID = "/dev/serial/by-id";

/** Checks that the data folder exists or can be created, is writable, is closed to other users, and has space left. */
export function checkDataDir(dir: string): Finding[] {
  const exists = existsSync(dir);
  const place = exists ? dir : nearestFolder(dir);
  try {
    accessSync(place, constants.W_OK | constants.X_OK);
  } catch {
    return [
      { grade: "fail", what: "data folder", found: `${place} is not writable`, fix: `let the gateway's user own it, or set data_dir` },
    ];
  }
  const findings: Finding[] = [{ grade: "ok", what: "data folder", found: exists ? dir : `${dir} will be created` }];
  if (exists && (statSync(dir).mode & 0o002) !== 0) {
    findings.push({ grade: "fail", what: "data folder", found: "every user may write to it", fix: `chmod o-w ${dir}` });
  }
  const token = statSync(tokenPath(dir), { throwIfNoEntry: false });
  if (token !== undefined && (token.mode & 0o077) !== 0) {
    findings.push({ grade: "fail", what: "API token", found: "other users may read it", fix: `chmod 600 ${tokenPath(dir)}` });
  }
  const disk = statfsSync(place);
  const free = (disk.bavail * disk.bsize) / MB;
  const space = `${Math.floor(free)} MB free`;
  if (free < 20) findings.push({ grade: "fail", what: "disk", found: space, fix: "free some space: without it messages cannot be stored" });
  else if (free < 200) findings.push({ grade: "warn", what: "disk", found: space, fix: "free some space" });
  else findings.push({ grade: "ok", what: "disk", found: space });
  return findings;
}

function nearestFolder(path: string): string {
  const parent = dirname(path);
  return existsSync(parent) || parent === path ? parent : nearestFolder(parent);
}

/** Opens the configured interfaces, which no gateway may be using, or lists the serial devices when none is configured. */
export async function checkLinks(interfaces: Config["mesh"]["interfaces"], deadlineMs = 3000): Promise<Finding[]> {
  if (interfaces === undefined || interfaces.length === 0) {
    const devices = existsSync(BY_ID) ? readdirSync(BY_ID) : [];
    const found =
      devices.length === 0
        ? "no interface configured and no serial device found: the mesh will be simulated"
        : `not configured; found ${devices.join(", ")}`;
    return [
      {
        grade: "warn",
        what: "radio",
        found,
        fix: `add to mesh.interfaces: - { name: base, type: serial, device: ${BY_ID}/${devices[0] ?? "..."} }`,
      },
    ];
  }
  return Promise.all(
    interfaces.map(async (link): Promise<Finding> => {
      const what = `radio ${link.name}`;
      if (link.type === "serial") return checkSerial(what, link.device);
      if (link.type === "tcp") return checkTcp(what, link.host, link.port, deadlineMs);
      return { grade: "ok", what, found: link.type === "mqtt" ? "needs no radio" : "simulated" };
    }),
  );
}

function checkSerial(what: string, device: string): Finding {
  const stat = statSync(device, { throwIfNoEntry: false });
  if (stat === undefined)
    return {
      grade: "fail",
      what,
      found: `${device} does not exist`,
      fix: "plug the radio in, or fix `device`; ls /dev/serial/by-id lists the devices that are plugged in",
    };
  if (!stat.isCharacterDevice()) return { grade: "fail", what, found: `${device} is not a serial device`, fix: "fix `device`" };
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
  } catch {
    return { grade: "fail", what, found: `no permission to open ${device}`, fix: "sudo usermod -aG dialout $USER, then log in again" };
  }
  return { grade: "ok", what, found: device };
}

async function checkTcp(what: string, host: string, port: number, deadlineMs: number): Promise<Finding> {
  const reached = await reach(host, port, deadlineMs);
  if (reached) return { grade: "ok", what, found: `${host}:${port} answers` };
  return {
    grade: "warn",
    what,
    found: `${host}:${port} does not answer`,
    fix: "check that the node is on, and its address; the gateway keeps trying",
  };
}

/** Whether a TCP connection can be opened in time. */
async function reach(host: string, port: number, deadlineMs: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), deadlineMs);
  });
  const connected = Bun.connect({ hostname: host, port, socket: { data() {}, error() {} } }).then(
    (socket) => {
      socket.end();
      return true;
    },
    () => false,
  );
  try {
    return await Promise.race([connected, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Judges this machine's clock: as the running gateway does, which knows when it was right, else by what the kernel knows. */
export function checkClock(clock: Clock, source: TimeSource, answer: GatewayAnswer): Finding {
  const what = "clock";
  const shown = new Date(clock.now()).toISOString();
  const { state, reason } = answer.state === "running" ? answer.status.clock : judgeClock(clock, source);
  const found = `${shown}: ${reason}`;
  if (state === "trusted") return { grade: "ok", what, found };
  const fix = "set it, or enable network time: timedatectl set-ntp true";
  return { grade: state === "wrong" ? "fail" : "warn", what, found: `${found}; radios get no time from it`, fix };
}

function judgeClock(clock: Clock, source: TimeSource): Status["clock"] {
  const state = new OwnClock({ clock, source, store: { load: () => null, save() {} }, onChange() {} }).check();
  return { state: state.kind, reason: reasonOf(state) };
}

type Status = v.InferOutput<typeof statusView>;

/** What doctor learned about the gateway of this configuration. Only `absent` leaves the radios free to be tried. */
export type GatewayAnswer =
  | { readonly state: "absent" }
  | { readonly state: "running"; readonly status: Status }
  /** A program has the port, or a process has the data folder, but no status came. */
  | { readonly state: "silent"; readonly finding: Finding };

/** Asks the gateway at the API's address. `inUse`: whether a process holds the data folder, so that a gateway runs wherever it listens. */
export async function askGateway(
  api: Pick<Config["api"], "host" | "port">,
  client: Result<Client>,
  inUse: boolean,
): Promise<GatewayAnswer> {
  const what = "gateway";
  const place = `${api.host}:${api.port}`;
  const host = api.host === "0.0.0.0" ? "127.0.0.1" : api.host;
  if (!(await reach(host, api.port, 2000))) {
    if (!inUse) return { state: "absent" };
    const found = `a gateway uses this data folder, but nothing answers at ${place}`;
    const fix = "wait until it has started, or give doctor the --config and --port of the running gateway";
    return { state: "silent", finding: { grade: "warn", what, found, fix } };
  }
  const status = client.ok ? await client.value.get("/api/v1/status", statusView) : client;
  if (status.ok) return { state: "running", status: status.value };
  const found = `something listens at ${place}, but not the gateway of this data folder: ${status.error.message}`;
  return { state: "silent", finding: { grade: "fail", what, found, fix: "stop it, or choose another api.port" } };
}

/** The findings about a gateway that runs, or that its port is free. */
export function gatewayFindings(api: Pick<Config["api"], "host" | "port">, answer: GatewayAnswer): Finding[] {
  const what = "gateway";
  if (answer.state === "silent") return [answer.finding];
  if (answer.state === "absent")
    return [
      {
        grade: "warn",
        what,
        found: `not running; ${api.port === 0 ? "it takes a free port" : `port ${api.port} is free`}`,
        fix: "start it with: zephyrgate gateway",
      },
    ];
  const { status } = answer;
  return [{ grade: "ok", what, found: `running at ${api.host}:${api.port}, version ${status.version}` }, ...inside(status)];
}

/**
 * Checks the radios. A radio serves one program at a time, so a second connection would throw a running gateway off it:
 * then the gateway is asked, and if it does not answer, the radios are left alone.
 */
export async function checkRadios(interfaces: Config["mesh"]["interfaces"], answer: GatewayAnswer): Promise<Finding[]> {
  if (answer.state === "absent") return checkLinks(interfaces);
  if (answer.state === "silent") return [{ grade: "warn", what: "radio", found: "not tried: a running gateway may be using it" }];
  return answer.status.links.flatMap(({ name, state, reason, mqtt_proxy: proxy }): Finding[] => {
    const found = `the running gateway says: ${state}${reason === undefined ? "" : `, ${reason}`}`;
    const radio: Finding =
      state === "up"
        ? { grade: "ok", what: `radio ${name}`, found }
        : { grade: "warn", what: `radio ${name}`, found, fix: "check that the node is on and plugged in; the gateway keeps trying" };
    return [radio, ...(proxy === undefined ? [] : [proxyFinding(name, proxy)])];
  });
}

/** The reason says what to change. */
function proxyFinding(link: string, { broker, state, reason }: NonNullable<Status["links"][number]["mqtt_proxy"]>): Finding {
  const found = `${broker}: ${state}${reason === undefined ? "" : `, ${reason}`}`;
  return { grade: state === "up" ? "ok" : "warn", what: `MQTT of radio ${link}`, found };
}

function regionFinding({ name, site, sites, online, troubles }: NonNullable<Status["region"]>): Finding {
  const what = `region ${name}`;
  if (troubles.length > 0) return { grade: "warn", what, found: troubles.join("; "), fix: "zephyrgate region status shows the reasons" };
  return { grade: "ok", what, found: `site ${site} is enrolled; ${online} of ${sites} sites are online` };
}

function inside(status: Status): Finding[] {
  const findings: Finding[] = [];
  const { publishing } = status;
  if (publishing !== null) {
    const found = `${publishing.broker}: ${publishing.state}${publishing.reason === null ? "" : `, ${publishing.reason}`}`;
    findings.push({ grade: publishing.state === "up" ? "ok" : "warn", what: "publishing", found });
  }
  const failed = (status.plugins.failed ?? 0) + (status.plugins.disabled ?? 0);
  if (failed > 0)
    findings.push({
      grade: "warn",
      what: "plugins",
      found: `${failed} failed or disabled`,
      fix: "zephyrgate plugin list shows the reasons",
    });
  if (status.region !== undefined) findings.push(regionFinding(status.region));
  if (status.safe_mode)
    findings.push({
      grade: "warn",
      what: "safe mode",
      found: "bundled plugins run; after crashes the others come back one at a time",
      fix: "see the log for the cause of the crashes; zephyrgate plugin list shows which plugin was left off",
    });
  return findings;
}

/** The walls of the plugin jail, each tested by an attempt to pass it. */
export function gradeWalls(
  walls: readonly { readonly wall: string; readonly stands: boolean; readonly detail: string; readonly required: boolean }[],
  allowMissing: readonly string[],
): Finding[] {
  return walls.map(({ wall, stands, detail, required }): Finding => {
    const what = `wall ${wall}`;
    if (stands) return { grade: "ok", what, found: `active (${detail})` };
    if (!required)
      return {
        grade: "warn",
        what,
        found: `missing (${detail})`,
        fix: "the wall seccomp refuses the same; a kernel with a newer Landlock has this one, too",
      };
    if (mayBeMissing(wall, allowMissing) || allowMissing.includes("jail"))
      return { grade: "warn", what, found: `missing, which the configuration allows (${detail})` };
    return {
      grade: "fail",
      what,
      found: `missing (${detail})`,
      fix: `${wall === "files" ? "install util-linux and let users make namespaces (docs/operating.md), " : "use a newer kernel, "}or accept the risk: plugins.isolation.allow_missing: [${wall}]`,
    };
  });
}
