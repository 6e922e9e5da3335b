/**
 * Plugins' lives against a model: random sequences of what operators do and of what breaks. A command that is awaited must end
 * in the state that the model names; commands that overlap must leave nothing behind that must never be seen.
 */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { realmNumber } from "../../src/ids.ts";
import { Lives, NAMES, type Name, NEEDS } from "./lifecycle-world.ts";
import { DEADLINE_MS, RUNS } from "./runs.ts";

/** 50 in `bun run test`, 500 in `bun run soak`. */
const LIVES = RUNS > 100 ? Math.max(500, RUNS / 4) : 50;
const STEPS = 40;

type State = "running" | "failed" | "stopped" | "disabled" | "awaiting_approval";

interface Life {
  known: boolean;
  state: State;
  /** It waits for the plugin that it needs. */
  lacks: boolean;
  byOperator: boolean;
  /** The version that it has, and that of its folder. */
  version: string;
  folder: string;
  /** The version that waits beside the one that it has. */
  held: string | null;
  broken: boolean;
  /** Whether it is to have a process of its own, and whether it has. */
  wantsOwn: boolean;
  hasOwn: boolean;
}

/** What is expected once all is quiet. */
class Model {
  readonly lives: Record<Name, Life>;
  readonly asks = new Set<string>();

  constructor() {
    const life = (): Life => ({
      known: true,
      state: "running",
      lacks: false,
      byOperator: false,
      version: "1.0.0",
      folder: "1.0.0",
      held: null,
      broken: false,
      wantsOwn: false,
      hasOwn: false,
    });
    this.lives = { a: life(), b: life(), c: life() };
  }

  waits(name: Name, version: string): boolean {
    return this.asks.has(`${name} ${version}`);
  }

  rest(name: Name, state: State, lacks = false): void {
    const life = this.lives[name];
    Object.assign(life, { state, lacks, byOperator: false });
    if (state === "running") {
      life.hasOwn = life.wantsOwn;
      this.#regain(name);
    }
    if (state === "failed" || state === "disabled" || state === "awaiting_approval") this.lose(name);
  }

  /** A look at the folders: what has no load takes the version that is there. */
  discover(): void {
    for (const name of NAMES) {
      const life = this.lives[name];
      if (!life.known || life.state === "running") continue;
      life.version = life.folder;
      const need = NEEDS[name];
      const isUnmet = need !== null && !this.lives[need].known;
      if (isUnmet && (life.state === "stopped" || life.state === "failed")) this.rest(name, "failed", true);
    }
  }

  /** Those that need it stop. */
  lose(name: Name): void {
    for (const other of NAMES) if (NEEDS[other] === name && this.lives[other].state === "running") this.rest(other, "stopped", true);
  }

  /** As its folder is, after it was stopped or where it did not run. */
  start(name: Name): void {
    const life = this.lives[name];
    if (life.folder !== life.version) {
      if (this.waits(name, life.folder) && !this.waits(name, life.version)) life.held = life.folder;
      else Object.assign(life, { version: life.folder, held: null });
    }
    if (this.waits(name, life.version)) this.rest(name, "awaiting_approval");
    else this.load(name);
  }

  load(name: Name): void {
    const need = NEEDS[name];
    if (need !== null && this.lives[need].state !== "running") this.rest(name, "failed", true);
    else this.rest(name, this.lives[name].broken ? "failed" : "running");
  }

  reload(name: Name): void {
    const life = this.lives[name];
    if (this.waits(name, life.folder)) {
      if (life.state === "running") life.held = life.folder;
      else {
        Object.assign(life, { version: life.folder, held: null });
        this.rest(name, "awaiting_approval");
      }
    } else if (life.state === "running") {
      if (!life.broken) Object.assign(life, { version: life.folder, held: null, hasOwn: life.wantsOwn });
    } else {
      Object.assign(life, { version: life.folder, held: null });
      this.load(name);
    }
  }

  disable(name: Name): void {
    this.rest(name, "disabled");
    this.lives[name].byOperator = true;
  }

  /** Work on its files while it is down. */
  whileDown(name: Name): void {
    if (this.lives[name].state !== "running") return;
    this.lose(name);
    Object.assign(this.lives[name], { state: "stopped" });
    this.start(name);
  }

  /** Its realm ended by its own fault. */
  died(name: Name): void {
    if (this.lives[name].state !== "running") return;
    if (this.lives[name].broken) this.rest(name, "disabled");
    else this.rest(name, "running");
  }

  #regain(name: Name): void {
    for (const other of NAMES) {
      const life = this.lives[other];
      if (NEEDS[other] === name && life.known && life.lacks) this.start(other);
    }
  }
}

type Kind = (typeof KINDS)[number];
const KINDS = [
  "clock",
  "enable",
  "disable",
  "restart",
  "reload",
  "update",
  "asking update",
  "remove",
  "purge",
  "install",
  "import",
  "export",
  "configure",
  "grant",
  "deny",
  "follow",
  "realm death",
  "host death",
  "blamed host death",
  "break",
  "fix",
  "slow",
  "quick",
  "isolate",
  "share",
] as const;

interface Step {
  readonly kind: Kind;
  readonly name: Name;
  /** The next command does not wait for this one. */
  readonly overlaps: boolean;
  readonly ms: number;
}

/** Begins the command in the gateway. */
function act(lives: Lives, { kind, name, ms }: Step): void {
  const { world } = lives;
  const { supervisor } = world;
  const known = supervisor.get(name);
  switch (kind) {
    case "enable":
      lives.begin(supervisor.enable(name, undefined, "cli"));
      return;
    case "grant":
      if (known !== null) lives.begin(supervisor.enable(name, `hash-${known.offered.manifest.version}`, "cli"));
      return;
    case "disable":
      lives.begin(supervisor.disable(name, "cli"));
      return;
    case "restart":
      lives.begin(supervisor.restart(name));
      return;
    case "reload":
      lives.begin(supervisor.reload(name));
      return;
    case "update":
    case "asking update": {
      if (known === null) return;
      const version = lives.add(name);
      if (kind === "asking update")
        world.awaiting.set(`${name} ${version}`, { state: "awaiting", reason: "asks for more", added: ["x"], removed: [] });
      return;
    }
    case "deny":
      // What was accepted is revoked: the next start waits.
      if (known !== null)
        world.awaiting.set(`${name} ${known.candidate.manifest.version}`, {
          state: "awaiting",
          reason: "revoked",
          added: ["x"],
          removed: [],
        });
      return;
    case "remove":
    case "purge":
      lives.begin(lives.remove(name, kind === "purge"));
      return;
    case "install":
      if (known === null) lives.begin(lives.install(name));
      return;
    case "import":
      lives.begin(lives.import(name));
      return;
    case "export":
      lives.begin(lives.export(name));
      return;
    case "configure":
      lives.begin(lives.configure(name, { x: ms }));
      return;
    case "follow":
      lives.begin(supervisor.follow());
      return;
    case "realm death":
      if (known?.instance?.realm) lives.realms(name)[0]?.ends("memory");
      return;
    case "host death":
    case "blamed host death": {
      const host = known?.instance?.host;
      const culprit = kind === "host death" ? null : (known?.instance?.realm?.number ?? realmNumber(9_999));
      world.hostsStarted.find((each) => each === host)?.dies({ reason: "watchdog", detail: "", culprit });
      return;
    }
    case "break":
      lives.broken.add(name);
      return;
    case "fix":
      lives.broken.delete(name);
      return;
    case "slow":
      lives.slow.add(name);
      return;
    case "quick":
      lives.slow.delete(name);
      return;
    case "isolate":
      world.ownHost.add(name);
      return;
    case "share":
      world.ownHost.delete(name);
      return;
    case "clock":
      lives.begin(world.pass(ms));
      return;
  }
}

/** What the command leads to. */
function foresee(model: Model, { kind, name }: Step, folder: string): void {
  const life = model.lives[name];
  if (kind === "follow") {
    model.discover();
    for (const each of NAMES) {
      const { known, state, wantsOwn, hasOwn } = model.lives[each];
      if (known && (state === "running" ? wantsOwn !== hasOwn : state !== "disabled")) model.start(each);
    }
    return;
  }
  if (kind === "isolate" || kind === "share") life.wantsOwn = kind === "isolate";
  if (kind === "break" || kind === "fix") life.broken = kind === "break";
  if (kind === "install" && !life.known) {
    Object.assign(life, { known: true, version: folder, folder, held: null, state: "stopped", lacks: false, byOperator: false });
    model.discover();
    model.load(name);
    return;
  }
  if (!life.known) return;
  switch (kind) {
    case "grant":
      model.asks.delete(`${name} ${life.held ?? life.version}`);
      if (life.held !== null && life.state === "running") model.reload(name);
      else if (life.state !== "running") model.start(name);
      break;
    case "enable":
      if (life.held !== null && life.state === "running") model.reload(name);
      else if (life.state !== "running") model.start(name);
      break;
    case "disable":
      model.disable(name);
      break;
    case "restart":
      if (life.state !== "disabled") model.start(name);
      break;
    case "reload":
      model.reload(name);
      break;
    case "update":
      life.folder = folder;
      break;
    case "asking update":
      life.folder = folder;
      model.asks.add(`${name} ${folder}`);
      break;
    case "deny":
      model.asks.add(`${name} ${life.version}`);
      break;
    case "remove":
    case "purge":
      model.lose(name);
      Object.assign(life, { known: false, state: "stopped", lacks: false });
      model.discover();
      break;
    case "configure":
      if (life.state === "failed") model.start(name);
      break;
    case "import":
      // Its configuration is applied first, which tries again what has failed.
      if (life.state === "failed") model.start(name);
      model.whileDown(name);
      break;
    case "realm death":
    case "blamed host death":
      model.died(name);
      break;
  }
}

/** The model takes over what overlapping commands led to. */
function resync(model: Model, lives: Lives): void {
  for (const name of NAMES) {
    const plugin = lives.world.supervisor.get(name);
    const life = model.lives[name];
    life.known = plugin !== null;
    life.broken = lives.broken.has(name);
    life.wantsOwn = lives.world.ownHost.has(name);
    life.folder = `${lives.versions[name]}.0.0`;
    if (plugin === null) {
      Object.assign(life, { state: "stopped", lacks: false, hasOwn: false });
      continue;
    }
    Object.assign(life, {
      state: plugin.state,
      lacks: plugin.lacks,
      byOperator: plugin.status.disabledBy === "operator",
      version: plugin.candidate.manifest.version,
      held: plugin.next?.manifest.version ?? null,
      hasOwn: plugin.hostKey.startsWith("isolated:"),
    });
  }
  model.asks.clear();
  for (const key of lives.world.awaiting.keys()) model.asks.add(key);
}

/** Some commands touch more than one plugin at once in an order that is not the model's to know. */
const UNFORESEEN: ReadonlySet<Kind> = new Set(["host death", "blamed host death", "clock"]);

async function live(steps: readonly Step[]): Promise<string[]> {
  const lives = new Lives();
  const said: string[] = [];
  try {
    await lives.start();
    const model = new Model();
    let isForeseen = true;
    for (const step of steps) {
      const before = lives.versions[step.name];
      act(lives, step);
      lives.look();
      const folder = `${lives.versions[step.name]}.0.0`;
      said.push(`${step.kind} ${step.name}${step.overlaps ? " ..." : ""}${before === lives.versions[step.name] ? "" : ` ${folder}`}`);
      if (step.overlaps) {
        await lives.world.pass(step.ms % 1_500);
        isForeseen = false;
      } else {
        await lives.quiet();
        lives.lookAtRest();
        if (isForeseen && !UNFORESEEN.has(step.kind)) foresee(model, step, folder);
        else resync(model, lives);
        isForeseen = true;
        compare(model, lives);
      }
      if (lives.faults.length > 0) break;
    }
    await lives.quiet();
    lives.lookAtRest();
    lives.faults.push(...lives.world.logged.filter((line) => /cannot change from|unexpectedly|^error - /.test(line)));
    return lives.faults.length === 0 ? [] : [...said, ...lives.faults];
  } finally {
    lives.dispose();
  }
}

function compare(model: Model, lives: Lives): void {
  for (const name of NAMES) {
    const plugin = lives.world.supervisor.get(name);
    const life = model.lives[name];
    const seen =
      plugin === null ? "unknown" : `${plugin.state}${plugin.state === "running" ? ` ${plugin.candidate.manifest.version}` : ""}`;
    const wanted = !life.known ? "unknown" : `${life.state}${life.state === "running" ? ` ${life.version}` : ""}`;
    if (seen !== wanted) lives.faults.push(`${name} is ${seen}, and should be ${wanted} (${plugin?.status.reason})`);
  }
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...KINDS),
  name: fc.constantFrom(...NAMES),
  overlaps: fc.boolean(),
  ms: fc.nat(10_000),
});

test(
  "whatever operators do and whatever breaks, in any order",
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: process.env.SHRINK === undefined ? STEPS : 0, maxLength: STEPS, size: "max" }),
        async (steps) => {
          expect(await live(steps)).toEqual([]);
        },
      ),
      // The same lives in every ordinary run; others each time in the long ones (`bun run soak`).
      {
        ...(process.env.PROPERTY_RUNS === undefined ? { seed: 20_261_126 } : {}),
        numRuns: LIVES,
        endOnFailure: process.env.SHRINK === undefined,
      },
    );
  },
  DEADLINE_MS,
);
