/** What the builders of the walls ask of the kernel, call by call, and what they make of its answers: older kernels and refusals included. */
import { expect, test } from "bun:test";
import { openSync } from "node:fs";
import { restrictFiles } from "../../src/host/jail/landlock.ts";
import { enterNewRoot } from "../../src/host/jail/namespace.ts";
import type { PathRule } from "../../src/host/jail/paths.ts";
import * as privileges from "../../src/host/jail/privileges.ts";
import { checkWalls } from "../../src/host/jail/walls.ts";
import type { Architecture, CallArgument, CallName, CallResult, Libc } from "../../src/linux/libc.ts";

type Answer = (...args: readonly CallArgument[]) => number | CallResult | undefined;

/** A kernel that answers as the test says, with 0 where it says nothing, and keeps what it was asked. */
class Kernel implements Libc {
  readonly asked: string[] = [];

  constructor(
    private readonly answers: Partial<Record<CallName, Answer>> = {},
    readonly architecture: Architecture = "x64",
  ) {}

  call(name: CallName, ...args: readonly CallArgument[]): CallResult {
    this.asked.push(`${name} ${args.map(shown).join(" ")}`.trim());
    const answer = this.answers[name]?.(...args) ?? 0;
    return typeof answer === "number" ? { value: answer, errno: 0 } : answer;
  }

  raw(): CallResult {
    throw new Error("only the tests of the jail call by number");
  }
}

const error = (errno: number): CallResult => ({ value: -1, errno });
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1").replace(/\0$/, "");

function shown(arg: CallArgument): string {
  if (typeof arg === "number") return arg < 0 ? String(arg) : `0x${arg.toString(16)}`;
  if (typeof arg === "bigint") return `${arg}n`;
  return /^[\x20-\x7e]*\0$/.test(Buffer.from(arg).toString("latin1")) ? `"${text(arg)}"` : Buffer.from(arg).toString("hex");
}

// The kernel's names of the bits, in their order.
const RIGHTS =
  "EXECUTE WRITE_FILE READ_FILE READ_DIR REMOVE_DIR REMOVE_FILE MAKE_CHAR MAKE_DIR MAKE_REG MAKE_SOCK MAKE_FIFO MAKE_BLOCK MAKE_SYM REFER TRUNCATE IOCTL_DEV".split(
    " ",
  );
const names = (bits: bigint) => RIGHTS.filter((_, bit) => ((bits >> BigInt(bit)) & 1n) === 1n);
const first = (bytes: CallArgument | undefined) => (bytes instanceof Uint8Array ? new DataView(bytes.buffer).getBigUint64(0, true) : 0n);

/** Files that are there, by path: their descriptor; folders are those that end with a slash in `there`. */
function landlock(version: number, there: Readonly<Record<string, number>>, more: Partial<Record<CallName, Answer>> = {}) {
  const rulesets: { size: CallArgument | undefined; rights: string[]; rest: string }[] = [];
  const rules: string[] = [];
  const kernel = new Kernel({
    landlock_create_ruleset(attributes, size) {
      if (attributes === 0) return version;
      rulesets.push({ size, rights: names(first(attributes)), rest: shown(attributes ?? 0).slice(16) });
      return 50;
    },
    openat(_, path, flags) {
      const asked = path instanceof Uint8Array ? text(path) : "";
      const wantsFolder = typeof flags === "number" && (flags & 0x10000) !== 0;
      const found = wantsFolder ? there[`${asked}/`] : (there[asked] ?? there[`${asked}/`]);
      return found === undefined ? error(2) : wantsFolder ? found + 100 : found;
    },
    landlock_add_rule(ruleset, type, attribute) {
      const fd = attribute instanceof Uint8Array ? new DataView(attribute.buffer).getInt32(8, true) : 0;
      rules.push(`${ruleset} ${type} ${fd}: ${names(first(attribute)).join(" ")}`);
      return 0;
    },
    ...more,
  });
  return { kernel, rulesets, rules };
}

const rule = (path: string, rights: PathRule["rights"], needed?: true): PathRule => (needed ? { path, rights, needed } : { path, rights });

test("Landlock handles every right that its version knows, so that what no rule gives is refused", () => {
  const since: Record<number, string[]> = { 1: [], 2: ["REFER"], 3: ["REFER", "TRUNCATE"], 4: ["REFER", "TRUNCATE"] };
  for (const version of [1, 2, 3, 4, 5, 6]) {
    const { kernel, rulesets } = landlock(version, {});
    expect(restrictFiles(kernel, [])).toBeNull();
    const newer = since[version] ?? ["REFER", "TRUNCATE", "IOCTL_DEV"];
    // Both kinds of TCP calls are handled, and both scopes: no rule gives any.
    const rest = "03000000000000000300000000000000";
    expect(rulesets).toEqual([{ size: version >= 6 ? 24 : version >= 4 ? 16 : 8, rights: [...RIGHTS.slice(0, 13), ...newer], rest }]);
    expect(kernel.asked.at(0)).toBe("landlock_create_ruleset 0x0 0x0 0x1");
    expect(kernel.asked.slice(-2)).toEqual(["landlock_restrict_self 0x32 0x0", "close 0x32"]);
  }
});

test("Landlock gives each path what its kind needs and no more, a file nothing that only folders have, and every descriptor is closed", () => {
  const rights = ["execute", "read", "database", "device"] as const;
  const { kernel, rules } = landlock(6, { "/d/": 10, "/f": 20 });
  expect(restrictFiles(kernel, [...rights.map((kind) => rule("/d", kind)), ...rights.map((kind) => rule("/f", kind))])).toBeNull();
  expect(rules).toEqual([
    "50 1 10: EXECUTE READ_FILE READ_DIR",
    "50 1 10: READ_FILE READ_DIR",
    "50 1 10: WRITE_FILE READ_FILE READ_DIR REMOVE_FILE MAKE_REG TRUNCATE",
    "50 1 10: WRITE_FILE READ_FILE",
    "50 1 20: EXECUTE READ_FILE",
    "50 1 20: READ_FILE",
    "50 1 20: WRITE_FILE READ_FILE TRUNCATE",
    "50 1 20: WRITE_FILE READ_FILE",
  ]);
  expect(kernel.asked.slice(2, 7)).toEqual([
    'openat -100 "/d" 0x280000 0x0',
    'openat -100 "/d" 0x290000 0x0',
    "close 0x6e",
    "landlock_add_rule 0x32 0x1 0d000000000000000a000000 0x0",
    "close 0xa",
  ]);
  const count = (what: string) => kernel.asked.filter((each) => each === what).length;
  expect([count("close 0xa"), count("close 0x6e"), count("close 0x14"), count("close 0x32")]).toEqual([4, 4, 4, 1]);
  const old = landlock(1, { "/d/": 10 });
  restrictFiles(old.kernel, [rule("/d", "database")]);
  expect(old.rules).toEqual(["50 1 10: WRITE_FILE READ_FILE READ_DIR REMOVE_FILE MAKE_REG"]);
});

test("on arm64 a folder has another flag", () => {
  const kernel = new Kernel({ landlock_create_ruleset: (attributes) => (attributes === 0 ? 1 : 50) }, "arm64");
  expect(restrictFiles(kernel, [rule("/d", "read")])).toBeNull();
  expect(kernel.asked.filter((each) => each.startsWith("openat"))).toEqual([
    'openat -100 "/d" 0x280000 0x0',
    'openat -100 "/d" 0x284000 0x0',
  ]);
});

test("Landlock says what failed: no such kernel, a ruleset, a path that is needed, a rule, the binding", () => {
  const refusing = (name: CallName) => landlock(6, { "/d/": 10 }, { [name]: () => error(22) }).kernel;
  expect(restrictFiles(refusing("landlock_create_ruleset"), [])).toBe("this kernel offers no Landlock (errno 22)");
  const later = landlock(6, {}, { landlock_create_ruleset: (attributes) => (attributes === 0 ? 6 : error(7)) });
  expect(restrictFiles(later.kernel, [])).toBe("the ruleset was refused (errno 7)");
  expect(restrictFiles(landlock(6, {}).kernel, [rule("/gone", "read")])).toBeNull();
  const needed = landlock(6, {}).kernel;
  expect(restrictFiles(needed, [rule("/gone", "read", true)])).toBe("/gone cannot be opened (errno 2)");
  expect(needed.asked.at(-1)).toBe("close 0x32");
  const adding = refusing("landlock_add_rule");
  expect(restrictFiles(adding, [rule("/d", "read")])).toBe("/d was refused as a rule (errno 22)");
  expect(adding.asked.slice(-2)).toEqual(["close 0xa", "close 0x32"]);
  expect(restrictFiles(refusing("landlock_restrict_self"), [])).toBe("the rules were refused (errno 22)");
});

/** The new root's own place is there already, so nothing is made in the file system of the test. */
const ROOT_RULES: readonly PathRule[] = (["execute", "read", "database", "device"] as const).map((kind) => rule("/", kind, true));

test("a new root holds copies that give no devices and no privileges, is entered, and cannot be written", () => {
  const opened: number[] = [];
  const kernel = new Kernel({
    open_tree: () => {
      opened.push(openSync("/dev/null", "r"));
      return opened.at(-1) ?? -1;
    },
  });
  expect(enterNewRoot(kernel, ROOT_RULES)).toBeNull();
  const attributes = (bits: string) => `${bits}${"00".repeat(31)}`;
  const [a, b, c, d] = opened.map((fd) => `0x${fd.toString(16)}`);
  const copy = (fd: string | undefined, bits: string) => [
    'open_tree -100 "/" 0x88001',
    `mount_setattr ${fd} "" 0x9000 ${attributes(bits)} 0x20`,
  ];
  expect(kernel.asked).toEqual([
    // RDONLY 1, NOSUID 2, NODEV 4, NOEXEC 8.
    ...copy(a, "07"),
    ...copy(b, "0f"),
    ...copy(c, "0e"),
    ...copy(d, "0a"),
    'mount "tmpfs" "/tmp" "tmpfs" 0xe "mode=111,size=1m"',
    ...[a, b, c, d].map((fd) => `move_mount ${fd} "" -100 "/tmp/" 0x4`),
    'chdir "/tmp"',
    'pivot_root "." "."',
    'umount2 "." 0x2',
    'chdir "/"',
    `mount_setattr -100 "/" 0x0 ${attributes("01")} 0x20`,
  ]);
});

test("a new root says what failed", () => {
  const refusing = (name: CallName, which: Answer = () => error(1)) =>
    enterNewRoot(new Kernel({ open_tree: () => openSync("/dev/null", "r"), [name]: which }), [rule("/", "read")]);
  expect(refusing("open_tree")).toBe("/ cannot be copied into the new root (errno 1)");
  expect(refusing("mount_setattr")).toBe("/: mount_setattr was refused (errno 1)");
  expect(refusing("mount_setattr", (fd) => (fd === -100 ? error(1) : 0))).toBe("mount_setattr was refused (errno 1)");
  expect(refusing("mount")).toBe("mounting an empty root was refused (errno 1)");
  expect(refusing("move_mount")).toBe("attaching / was refused (errno 1)");
  expect(refusing("pivot_root")).toBe("pivot_root was refused (errno 1)");
  expect(refusing("umount2")).toBe("leaving the old root was refused (errno 1)");
  const into =
    (folder: string): Answer =>
    (path) =>
      path instanceof Uint8Array && text(path) === folder ? error(1) : 0;
  expect(refusing("chdir", into("/tmp"))).toBe("entering the new root was refused (errno 1)");
  expect(refusing("chdir", into("/"))).toBe("chdir was refused (errno 1)");
  const gone = "/there/is/no/such/path";
  expect(enterNewRoot(new Kernel(), [rule(gone, "read")])).toBeNull();
  expect(enterNewRoot(new Kernel(), [rule(gone, "read", true)])).toBe(`${gone} does not exist`);
});

test("privileges: signals of the parent's end, capabilities, the terminal, descriptors", () => {
  const own = new Kernel({ getppid: () => 7 });
  expect([privileges.dieWithParent(own, 7), privileges.dieWithParent(own, 8)]).toEqual([true, false]);
  expect(own.asked.slice(0, 2)).toEqual(["prctl 0x1 0x9 0x0 0x0 0x0", "getppid"]);

  const dropping = (errno: number) =>
    new Kernel({ prctl: (option, capability) => (option === 24 && capability === 3 ? error(errno) : 0), capset: () => error(1) });
  for (const errno of [22, 1]) {
    const kernel = dropping(errno);
    expect(privileges.dropCapabilities(kernel)).toBe("capset was refused (errno 1)");
    expect(kernel.asked).toEqual([
      ...[0, 1, 2, 3].map((capability) => `prctl 0x18 0x${capability} 0x0 0x0 0x0`),
      "prctl 0x1c 0xef 0x0 0x0 0x0",
      "prctl 0x2f 0x4 0x0 0x0 0x0",
      `capset 2205082000000000 ${"00".repeat(24)}`,
    ]);
  }
  const going = dropping(5);
  privileges.dropCapabilities(going);
  expect(going.asked.filter((each) => each.startsWith("prctl 0x18"))).toHaveLength(64);
  expect(privileges.dropCapabilities(new Kernel())).toBeNull();

  const holding = (byte: number, errno = 0) =>
    new Kernel({
      capget(_, sets) {
        if (sets instanceof Uint8Array) sets.fill(0).set([byte], 23);
        return { value: 0, errno };
      },
    });
  expect([holding(0), holding(1), holding(0, 1), new Kernel()].map(privileges.hasNoCapabilities)).toEqual([true, false, false, false]);

  const plain = new Kernel();
  expect(privileges.setNoNewPrivileges(plain)).toBeNull();
  privileges.leaveTerminal(plain);
  expect(plain.asked).toEqual(["prctl 0x26 0x1 0x0 0x0 0x0", "setsid", "umask 0x3f"]);
  expect(privileges.setNoNewPrivileges(new Kernel({ prctl: () => error(22) }))).toBe("no_new_privs was refused (errno 22)");

  const keeping = new Kernel();
  privileges.keepDescriptors(keeping, 1);
  expect(keeping.asked).toContain("fcntl 0x0 0x2 0x0");
  expect(keeping.asked).toContain("fcntl 0x1 0x2 0x0");
  expect(keeping.asked).toContain("fcntl 0x2 0x2 0x1");
});

test("limits: each is set whatever came of the others, never above what holds already, and every refusal is told", () => {
  const set: string[] = [];
  const kernel = (refused: number | null) =>
    new Kernel({
      prlimit64(_, resource, next, now) {
        if (now instanceof Uint8Array) new BigUint64Array(now.buffer).set([100n, 100n]);
        if (next instanceof Uint8Array) set.push(`${resource}: ${new BigUint64Array(next.buffer).join(" ")}`);
        return next instanceof Uint8Array && resource === refused ? error(1) : 0;
      },
    });
  const settings = { fileBytes: 50, openFiles: 4_000 };
  const first = kernel(null);
  expect(privileges.limitProcess(first, settings, () => null)).toBeNull();
  // CORE 4, NOFILE 7, FSIZE 1, MEMLOCK 8, MSGQUEUE 12, RTPRIO 14; SIGXFSZ 25 is ignored.
  expect(set).toEqual(["4: 0 0", "7: 100 100", "1: 50 50", "8: 0 0", "12: 0 0", "14: 0 0"]);
  expect(first.asked.at(-1)).toBe(`rt_sigaction 0x19 01${"00".repeat(31)} 0x0 0x8`);
  set.length = 0;
  expect(privileges.limitProcess(kernel(7), settings, () => "no")).toBe("no; limit 7 was refused (errno 1)");
  expect(set).toHaveLength(6);
});

test("each wall is tried, and holds only when the kernel refuses as that wall does", () => {
  const standing: Partial<Record<CallName, Answer>> = {
    prctl: (option) => (option === 39 ? 1 : 0),
    capget(_, sets) {
      if (sets instanceof Uint8Array) sets.fill(0);
      return 0;
    },
    openat: () => error(13),
    socket: (family) => error(family === 1 ? 1 : 13),
    kill: () => error(1),
  };
  const check = (
    more: Partial<Record<CallName, Answer>>,
    builder: "landlock" | "namespace" | "none" = "landlock",
    last: string | null = null,
  ) => {
    const kernel = new Kernel({ ...standing, ...more });
    const files = builder === "none" ? { builder, why: "not asked for" } : { builder };
    const walls = checkWalls(kernel, { parent: 7, files }, {}, () => last);
    return { kernel, fallen: walls.filter(({ stands }) => !stands).map(({ wall, detail }) => `${wall}: ${detail}`), walls };
  };
  const { walls, kernel } = check({});
  expect(walls).toEqual([
    { wall: "capabilities", stands: true, detail: "capget: all sets read", required: true },
    { wall: "no_new_privs", stands: true, detail: "PR_GET_NO_NEW_PRIVS: 1", required: true },
    { wall: "limits", stands: true, detail: "prlimit64: core dumps of 0 bytes allowed", required: true },
    { wall: "files", stands: true, detail: "Landlock: opening /: errno 13", required: true },
    { wall: "network", stands: true, detail: "connecting to a TCP port: errno 13", required: false },
    { wall: "signals", stands: true, detail: "signal 0 to the gateway: errno 1", required: false },
    { wall: "seccomp", stands: true, detail: "socket(AF_UNIX): errno 1", required: true },
  ]);
  expect(kernel.asked).toContain('openat -100 "/" 0x80000 0x180');
  expect(kernel.asked.slice(-3)).toEqual(["socket 0x2 0x80001 0x0", "kill 0x7 0x0", "socket 0x1 0x80001 0x0"]);

  expect(check({ capget: () => 0 }).fallen).toEqual(["capabilities: capget: all sets read"]);
  expect(check({ prctl: () => 0 }).fallen).toEqual(["no_new_privs: PR_GET_NO_NEW_PRIVS: 0"]);
  const dumping: Answer = (_, __, ___, now) => {
    if (now instanceof Uint8Array) new BigUint64Array(now.buffer).set([5n, 5n]);
    return 0;
  };
  expect(check({ prlimit64: dumping }).fallen).toEqual(["limits: prlimit64: core dumps of 5 bytes allowed"]);
  expect(check({ prlimit64: () => error(1) }).fallen).toEqual(["limits: prlimit64: core dumps of undefined bytes allowed"]);
  const open = check({ openat: () => 33 });
  expect(open.fallen).toEqual(["files: Landlock: opening /: errno 0"]);
  expect(open.kernel.asked).toContain("close 0x21");
  expect(check({ openat: () => 33 }, "none").fallen).toEqual(["files: no builder: opening /: errno 0"]);
  expect(check({ kill: () => 0 }).fallen).toEqual(["signals: signal 0 to the gateway: errno 0"]);
  expect(check({ socket: () => error(13) }).fallen).toEqual(["seccomp: socket(AF_UNIX): errno 13"]);
  expect(check({}, "landlock", "the filter was refused").fallen).toEqual(["seccomp: socket(AF_UNIX): errno 1; the filter was refused"]);
});

test("a new root has no /etc and takes no file; loopback is out of reach without a network, too", () => {
  const check = (etc: number, made: number, connected: CallResult) => {
    const kernel = new Kernel({
      openat: (_, path) => (path instanceof Uint8Array && text(path) === "/etc" ? error(etc) : error(made)),
      socket: (family) => (family === 1 ? error(1) : 40),
      connect: () => connected,
    });
    const walls = checkWalls(kernel, { parent: 7, files: { builder: "namespace" } }, { network: "why" }, () => null);
    return { kernel, walls: walls.filter(({ wall }) => wall === "files" || wall === "network") };
  };
  const { walls, kernel } = check(2, 30, error(101));
  expect(walls).toEqual([
    { wall: "files", stands: true, detail: "mount namespace: opening /etc: errno 2, making a file in /: errno 30", required: true },
    // What failed while it was built is told, whatever the trial says.
    { wall: "network", stands: false, detail: "connecting to a TCP port: errno 101; why", required: false },
  ]);
  expect(kernel.asked).toContain('openat -100 "/zephyrgate" 0x80041 0x180');
  expect(kernel.asked).toContain("connect 0x28 020000097f0000010000000000000000 0x10");
  expect(kernel.asked).toContain("close 0x28");
  expect(check(13, 30, error(101)).walls[0]?.stands).toBe(false);
  expect(check(2, 13, error(101)).walls[0]?.stands).toBe(false);
});

test("whether the network wall holds is how a connection fails", () => {
  const holds = (answer: Answer) =>
    checkWalls(new Kernel({ socket: () => 40, connect: answer }), { parent: 7, files: { builder: "landlock" } }, {}, () => null).find(
      ({ wall }) => wall === "network",
    )?.stands;
  expect([13, 101, 111].map((errno) => holds(() => error(errno)))).toEqual([true, true, false]);
  expect(holds(() => 0)).toBe(false);
});
