/** Each wall of the jail has attacks that only it stops: without it they get through, so a wall that is missing is noticed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { HAS_NAMESPACES, LANDLOCK_VERSION } from "../host/jail/builders.ts";
import type { Attack } from "./attack.ts";
import { HOST } from "./corpus/host.ts";
import { TAKEN_OVER } from "./takeover/world.ts";
import { World } from "./world.ts";

const hide = fileURLToPath(new URL("../host/jail/hide.ts", import.meta.url));

interface Removal {
  readonly title: string;
  /** What the kernel lacks, see hide.ts. */
  readonly hidden: string;
  readonly allowMissing: string;
  /** Attacks that get through. */
  readonly through: readonly string[];
  /** Attacks that another wall stops still. */
  readonly stopped: readonly string[];
  /** An ordinary user has no capabilities to give up. */
  readonly asRoot?: boolean;
}

const REMOVALS: readonly Removal[] = [
  {
    title: "without seccomp",
    hidden: "seccomp",
    allowMissing: "seccomp",
    through: ["host_udp", "host_unix", "host_ptrace", "host_clone"],
    stopped: ["host_files", "host_network", "host_io_uring", "host_kill"],
  },
  {
    title: "without seccomp and Landlock",
    hidden: "seccomp,landlock",
    allowMissing: "seccomp",
    through: ["host_kill", "host_ptrace", "host_clone"],
    stopped: ["host_unix", "host_udp"],
  },
  {
    title: "without seccomp and limits",
    hidden: "seccomp,limits",
    allowMissing: "seccomp, limits",
    through: ["host_io_uring"],
    stopped: ["host_files", "host_network", "host_kill"],
  },
  {
    title: "without the file wall",
    hidden: "landlock,namespaces",
    allowMissing: "files",
    through: ["host_files"],
    stopped: ["host_network", "host_udp", "host_unix", "host_ptrace", "host_io_uring", "host_clone", "host_kill"],
  },
  {
    title: "without the file wall and seccomp: no network wall is left either",
    hidden: "landlock,namespaces,seccomp",
    allowMissing: "files, seccomp",
    through: ["host_network", "host_udp", "host_unix", "host_kill"],
    stopped: ["host_others_file"],
  },
  {
    title: "without the file wall, seccomp and the giving up of capabilities, as root",
    hidden: "landlock,namespaces,seccomp,privileges",
    allowMissing: "files, seccomp, capabilities",
    through: ["host_others_file"],
    stopped: [],
    asRoot: true,
  },
];

/** What older kernels do not stop, or do not have: the version of Landlock that refuses it, and whether the kernel makes rings. */
const SINCE: Readonly<Record<string, number>> = { host_network: 4, host_kill: 6 };
const HAS_RINGS = !/[12]/.test(readIfThere("/proc/sys/kernel/io_uring_disabled"));

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** The names that hold on this kernel. */
function onThisKernel({ hidden, stopped, through }: Removal): Pick<Removal, "stopped" | "through"> {
  const byLandlock = !hidden.includes("landlock");
  return {
    stopped: stopped.filter((name) => !byLandlock || LANDLOCK_VERSION >= (SINCE[name] ?? 0)),
    through: through.filter((name) => name !== "host_io_uring" || HAS_RINGS),
  };
}

const named = (names: readonly string[]): Attack[] => HOST.filter(({ name }) => names.includes(name));

const here = REMOVALS.filter(({ asRoot }) => asRoot !== true || process.getuid?.() === 0).filter(
  ({ hidden }) => HAS_NAMESPACES || !hidden.includes("landlock") || hidden.includes("namespaces"),
);

describe.if(process.platform === "linux").each(here.map((one) => [one.title, one] as const))("%s", (_title, removal) => {
  const { stopped, through } = onThisKernel(removal);
  const attacks = named([...stopped, ...through]);
  let world: World;
  beforeAll(async () => {
    world = await World.start({
      attacks,
      plugins: `  isolation: { own_host: [victim, ${attacks.map(({ name }) => name).join(", ")}], allow_missing: [${removal.allowMissing}] }\n`,
      gateway: { banner: false, command: [process.execPath, hide, removal.hidden, ...TAKEN_OVER] },
    });
  }, 120_000);
  afterAll(async () => {
    await world?.stop().catch(() => undefined); // A process that an attack made may be left.
  }, 120_000);

  for (const attack of named(stopped)) test(`${attack.name} is stopped still`, () => world.strike(attack), 120_000);
  for (const attack of named(through)) {
    test(`${attack.name} gets through`, async () => {
      const noticed = await world.strike(attack).then(
        () => "",
        (thrown: unknown) => String(thrown),
      );
      expect(noticed).toContain("expect(received)");
      world.forget();
    }, 120_000);
  }
});
