/** `zephyrgate dev DIR`: the plugin in a gateway of its own, reloaded on save, and a prompt where one is the mesh. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../clock.ts";
import { asGatewayError, fail, type GatewayError, ok, type Result } from "../../errors.ts";
import { FIRST_NODE } from "../../gateway/context/simulated.ts";
import type { Json } from "../../json.ts";
import type { LogLine } from "../../log/line.ts";
import { MANIFEST_FILE, parseManifest } from "../../manifest/parse.ts";
import type { Manifest } from "../../manifest/schema.ts";
import { BROADCAST, formatNodeId } from "../../mesh/ids.ts";
import type { HeardText } from "../../mesh/simulator/texts.ts";
import { folderSource } from "../../sandbox/loader/source.ts";
import { Fixture } from "../fixture.ts";
import { TYPES_FILE, writeConfigTypes } from "../types/types.ts";
import { Screen, type Terminal } from "./screen.ts";
import { HELP, parseSpeech, type Speech } from "./speech.ts";
import { FolderWatch } from "./watch.ts";

const NODES = ["alice", "bob", "carol"];
/** A handler has ten seconds; then the prompt comes back all the same. */
const ANSWER_MS = 12_000;
const MAX_NODES = 100;

export interface DevOptions {
  readonly folder: string;
  readonly terminal: Terminal;
  /** The operator's values for the plugin. */
  readonly config?: { readonly [key: string]: Json };
  /** The next line that was typed; null at the end. */
  next(): Promise<string | null>;
  readonly signal: AbortSignal;
}

/** Runs until `quit`, the end of the input, or the signal. */
export async function runDev(options: DevOptions): Promise<Result<null>> {
  const source = folderSource(options.folder);
  if (!source.ok)
    return fail("load_failed", source.error[0]?.message ?? "cannot be opened", {
      where: options.folder,
      hint: source.error[0]?.hint ?? "",
    });
  const dev = new Dev(options);
  try {
    await dev.run();
    return ok(null);
  } finally {
    await dev.stop();
  }
}

class Dev {
  readonly #screen: Screen;
  readonly #watch: FolderWatch;
  readonly #numbers = new Map(NODES.map((name, index) => [name, FIRST_NODE + index]));
  #speaker = FIRST_NODE;
  #fixture: Fixture | null = null;
  #name = "";
  /** One change after the other, and none in the middle of an answer. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: DevOptions) {
    this.#screen = new Screen(options.terminal, options.folder);
    this.#watch = new FolderWatch(options.folder, systemClock, () => {
      this.#alone(() => this.#changed()).catch((thrown) => this.#failed(asGatewayError(thrown)));
    });
  }

  async run(): Promise<void> {
    const { signal, next } = this.options;
    await this.#alone(() => this.#open());
    this.#watch.start();
    this.#screen.show("type a message, or help for more; quit ends it", "dim");
    const stopped = new Promise<null>((resolve) => {
      if (signal.aborted) resolve(null);
      signal.addEventListener("abort", () => resolve(null), { once: true });
    });
    for (;;) {
      this.#screen.prompt();
      const line = await Promise.race([next(), stopped]);
      this.#screen.typed();
      if (line === null) return;
      const speech = parseSpeech(line);
      if (speech.kind === "quit") return;
      await this.#alone(() => this.#take(speech));
    }
  }

  async stop(): Promise<void> {
    this.#watch.stop();
    await this.#tail;
    await this.#fixture?.stop();
    this.#fixture = null;
  }

  async #open(): Promise<void> {
    const manifest = this.#manifest();
    if (manifest === null) {
      this.#screen.show("fix it and save: the plugin is loaded again", "dim");
      return;
    }
    this.#types();
    const opened = await Fixture.open({
      folder: this.options.folder,
      manifest,
      nodes: [...this.#numbers.keys()],
      ...(this.options.config === undefined ? {} : { config: this.options.config }),
      onLog: (line) => this.#logged(line),
      onDecision: (item) => {
        if (item.result === "deny") this.#screen.denied(item);
      },
    });
    if (!opened.ok) return this.#screen.failure(opened.error);
    this.#fixture = opened.value;
    this.#name = manifest.name;
    opened.value.mesh?.onHeard((text) => this.#heard(text));
    const { plugin } = opened.value;
    if (plugin?.state === "running") this.#running(manifest, "runs");
    else this.#screen.show(plugin === null ? "it was not found" : plugin.status.reason, "bad");
  }

  async #changed(): Promise<void> {
    const manifest = this.#manifest();
    if (manifest === null) {
      if (this.#fixture?.plugin?.state === "running") this.#screen.show("the last good version keeps running", "dim");
      return;
    }
    if (this.#fixture === null || manifest.name !== this.#name) {
      await this.#fixture?.stop();
      this.#fixture = null;
      return this.#open();
    }
    this.#types();
    const reloaded = await this.#fixture.reload();
    if (reloaded.ok) return this.#running(manifest, "reloaded");
    this.#screen.failure(reloaded.error);
    if (this.#fixture.plugin?.state === "running") this.#screen.show("the last good version keeps running", "dim");
  }

  #running(manifest: Manifest, how: string): void {
    const counts = Object.entries(this.#fixture?.plugin?.instance?.registrations.counts() ?? {});
    const what =
      counts.length === 0 ? "it registered nothing" : counts.map(([kind, count]) => `${count} ${kind}${count === 1 ? "" : "s"}`).join(", ");
    this.#screen.show(`${manifest.name} ${manifest.version} ${how}: ${what}`, "good");
  }

  /** Follows the schema, where the author has the file. What is wrong with the schema itself, loading says. */
  #types(): void {
    const written = writeConfigTypes(this.options.folder, { onlyIfThere: true });
    if (written.ok && written.value?.changed === true) this.#screen.show(`${written.value.path} was updated`, "dim");
    else if (!written.ok) this.#screen.show(`${TYPES_FILE}: ${written.error.summary()}`, "warn");
  }

  #manifest(): Manifest | null {
    const file = join(this.options.folder, MANIFEST_FILE);
    try {
      const manifest = parseManifest(readFileSync(file, "utf8"), file);
      if (manifest.ok) return manifest.value;
      this.#screen.issues(manifest.error);
    } catch (thrown) {
      this.#screen.show(`${file}: cannot be read (${(thrown as { code?: string }).code ?? String(thrown)})`, "bad");
    }
    return null;
  }

  async #take(speech: Speech): Promise<void> {
    if (speech.kind === "help") for (const line of HELP) this.#screen.show(line, "dim");
    else if (speech.kind === "unclear") this.#screen.show(speech.why, "warn");
    else if (speech.kind === "reload") await this.#changed();
    else if (speech.kind === "nodes")
      for (const [name, number] of this.#numbers) this.#screen.show(`@${number} ${name} ${formatNodeId(number)}`);
    else if (speech.kind === "say") await this.#say(speech);
  }

  async #say({ who, channel, text }: Speech & { kind: "say" }): Promise<void> {
    const fixture = this.#fixture;
    if (fixture === null) return this.#screen.show("no plugin runs yet", "warn");
    const from = this.#number(who);
    if (from === null) return this.#screen.show("there is no room for another node", "warn");
    this.#speaker = from;
    const said = await fixture.say(from, text, ANSWER_MS, channel ?? undefined);
    if (!said.ok) return this.#failed(said.error);
    if (said.value === "unhandled") this.#screen.show("no plugin answers this", "dim");
    else if (said.value === "silent") this.#screen.show("taken without a reply", "dim");
    else if (said.value === "late") this.#screen.show("no answer came", "warn");
    else await fixture.sent(ANSWER_MS);
  }

  /** A name or number that is new joins the mesh. */
  #number(who: string | number | null): number | null {
    if (who === null) return this.#speaker;
    const name =
      typeof who === "number" ? ([...this.#numbers].find(([, number]) => number === who)?.[0] ?? `node${who}`) : who.toLowerCase();
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#numbers.size >= MAX_NODES) return null;
    const number = typeof who === "number" ? who : Math.max(...this.#numbers.values()) + 1;
    this.#numbers.set(name, number);
    this.#fixture?.mesh?.setNode({ number, longName: name });
    this.#fixture?.mesh?.announce(number, "node_info");
    return number;
  }

  #heard({ to, channel, text }: HeardText): void {
    const name = [...this.#numbers].find(([, number]) => number === to)?.[0] ?? formatNodeId(to);
    this.#screen.show(`  -> ${to === BROADCAST ? `#${channel}` : name}: ${text}`, "mesh");
  }

  /** The plugin's own lines, and the gateway's where something is wrong. */
  #logged(line: LogLine): void {
    const isOwn = line.plugin === this.#name || (this.#name === "" && line.plugin !== null);
    if (
      line.level === "DEBUG" ? isOwn && line.category === line.plugin && !/^\w+ -> \w+/.test(line.message) : isOwn || line.level === "ERROR"
    ) {
      this.#screen.log(line);
    }
  }

  #failed(error: GatewayError): void {
    this.#screen.show(error.summary(), "warn");
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work, work);
    this.#tail = result.catch(() => undefined);
    return result;
  }
}
