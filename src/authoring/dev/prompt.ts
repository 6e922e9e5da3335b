/** Carries out what is typed at the prompt of `dev`. */
import type { Actor, PluginControl } from "../../api/contract/control.ts";
import { type LeapClock, sleep, systemClock } from "../../clock.ts";
import type { Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { BROADCAST, formatNodeId } from "../../mesh/ids.ts";
import type { MessageStatus } from "../../mesh/outgoing.ts";
import type { HeardText } from "../../mesh/simulator/texts.ts";
import type { Fixture } from "../fixture.ts";
import type { People } from "./people.ts";
import type { Screen } from "./screen.ts";
import { HELP, type Speech } from "./speech.ts";

/** A handler has ten seconds; then the prompt comes back all the same. */
export const ANSWER_MS = 12_000;
/** Longest real time that `advance` takes. */
const ADVANCE_MS = 60_000;
/** No route: the radio gives the text back at once. */
const NO_ROUTE = 1;
const ACTOR: Actor = { via: "api", address: "dev" };

export interface PromptDeps {
  readonly screen: Screen;
  readonly people: People;
  readonly clock: LeapClock;
  /** Null while no plugin has been loaded. */
  fixture(): Fixture | null;
  /** The plugins' names. */
  names(): readonly string[];
  reload(): Promise<void>;
  restart(): Promise<void>;
  /** How long the prompt waits for an answer, where it is not the usual time. */
  readonly answerMs?: number;
}

export class Prompt {
  /** Texts of the gateway that were heard, or failed. */
  #heard = 0;
  /** Texts that plugins sent. */
  #answers = 0;
  /** `plugin permission` for what `deny` took away. */
  readonly #taken = new Set<string>();

  constructor(private readonly deps: PromptDeps) {}

  async take(speech: Speech): Promise<void> {
    const { screen, people } = this.deps;
    if (speech.kind === "help") for (const line of HELP) screen.show(line, "dim");
    else if (speech.kind === "unclear") screen.show(speech.why, "warn");
    else if (speech.kind === "reload") await this.deps.reload();
    else if (speech.kind === "nodes") for (const [name, number] of people.list()) screen.show(`@${number} ${name} ${formatNodeId(number)}`);
    else if (speech.kind !== "quit" && speech.kind !== "empty") await this.#inWorld(speech);
  }

  /** Listens to a mesh; again after each restart of the gateway. */
  listen(fixture: Fixture): void {
    const { bus } = fixture.gateway;
    fixture.mesh?.onHeard((text) => this.#show(text));
    bus.on("message_status", (status) => this.#sent(status));
    bus.on("permission_requested", ({ plugin, permission }) => {
      this.deps.screen.show(`${plugin} asks for ${typeof permission === "string" ? permission : JSON.stringify(permission)}`, "warn");
    });
  }

  hasTaken(plugin: string | null, permission: string): boolean {
    return this.#taken.has(`${plugin} ${permission}`);
  }

  async #inWorld(speech: Exclude<Speech, { kind: "help" | "unclear" | "reload" | "nodes" | "quit" | "empty" }>): Promise<void> {
    const fixture = this.deps.fixture();
    const { screen } = this.deps;
    if (fixture === null) return screen.show("no plugin runs yet", "warn");
    switch (speech.kind) {
      case "say":
        return this.#say(fixture, speech);
      case "as": {
        const chosen = this.deps.people.choose(speech.who, fixture.mesh);
        return typeof chosen === "string"
          ? screen.show(chosen, "warn")
          : screen.show(`${this.deps.people.nameOf(chosen)} speaks from now on`, "dim");
      }
      case "at":
        return this.#reports(fixture, "position", { latitude: speech.latitude, longitude: speech.longitude, hasPosition: true });
      case "battery":
        return this.#reports(fixture, "telemetry", { batteryLevel: speech.percent });
      case "advance":
        return this.#advance(fixture, speech.ms);
      case "deny":
      case "grant":
        return this.#decide(fixture, speech);
      case "nak":
        fixture.mesh?.fail({ kind: "nak", code: NO_ROUTE });
        return screen.show("the radio refuses the gateway's next text", "dim");
      case "restart":
        return this.deps.restart();
    }
  }

  async #say(fixture: Fixture, { who, channel, text }: Speech & { kind: "say" }): Promise<void> {
    const { screen, people } = this.deps;
    const from = people.choose(who, fixture.mesh);
    if (typeof from === "string") return screen.show(from, "warn");
    const [heard, answers] = [this.#heard, this.#answers];
    const said = await fixture.say(from, text, this.deps.answerMs ?? ANSWER_MS, channel ?? undefined);
    if (!said.ok) return screen.show(said.error.summary(), "warn");
    // What a handler sends by itself may come after its return.
    await fixture.quiet(ANSWER_MS);
    await fixture.sent(ANSWER_MS);
    // The gateway's own hint is no plugin's answer.
    if (said.value === "unhandled" && this.#answers === answers) return screen.show("no plugin answers this", "dim");
    if (this.#heard > heard) return;
    if (said.value === "silent") screen.show("taken without a reply", "dim");
    else if (said.value === "late") screen.show("no answer came", "warn");
  }

  async #reports(fixture: Fixture, what: "position" | "telemetry", values: object): Promise<void> {
    const { people, screen } = this.deps;
    fixture.mesh?.setNode({ number: people.speaker, ...values });
    const said = fixture.mesh?.announce(people.speaker, what);
    if (said?.ok === false) return screen.show(said.error.summary(), "warn");
    screen.show(`${people.nameOf(people.speaker)} says so`, "dim");
    await sleep(systemClock, 50);
    await fixture.quiet(ANSWER_MS);
    await fixture.sent(ANSWER_MS);
  }

  /** From timer to timer, each at its own time; while a plugin computes or a text waits, time goes as always. */
  async #advance(fixture: Fixture, ms: number): Promise<void> {
    const { clock, screen } = this.deps;
    const end = clock.monotonic() + ms;
    const limit = systemClock.monotonic() + ADVANCE_MS;
    do {
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      if (!fixture.busy) continue;
      clock.settle();
      await fixture.quiet(ANSWER_MS);
    } while (systemClock.monotonic() < limit && clock.step(end));
    const left = end - clock.monotonic();
    const isCut = systemClock.monotonic() >= limit;
    if (!isCut && left > 0) clock.leap(left);
    clock.settle();
    await fixture.quiet(ANSWER_MS);
    await fixture.sent(ANSWER_MS);
    const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
    screen.show(`it is ${now}${isCut ? "; that took a minute of real time, the rest was left out" : ""}`, isCut ? "warn" : "dim");
  }

  async #decide(fixture: Fixture, { kind, plugin, permission }: Speech & { kind: "deny" | "grant" }): Promise<void> {
    const { screen, names } = this.deps;
    const control = fixture.gateway.control?.plugins;
    if (control === undefined) return screen.show("the gateway is stopped", "warn");
    if (plugin !== null && !names().includes(plugin)) {
      return screen.show(`no plugin is called ${plugin}; there is ${names().join(", ")}`, "warn");
    }
    const asking = names().filter((name) => {
      const asked = fixture.named(name)?.candidate.manifest.permissions.some((each) => each.name === permission) === true;
      return asked && (plugin === null || plugin === name);
    });
    if (asking.length === 0) return screen.show(`${plugin ?? names().join(", ")} does not ask for ${permission}`, "warn");
    for (const name of asking) {
      if (kind === "deny") this.#taken.add(`${name} ${permission}`);
      else this.#taken.delete(`${name} ${permission}`);
      const done = await this.#decided(control, kind, name, permission);
      if (done.ok) screen.show(`${name}: ${permission} is ${kind === "deny" ? "denied" : "granted"}`, "good");
      else screen.show(`${name}: ${done.error.summary()}`, "warn");
    }
    await fixture.quiet(ANSWER_MS);
  }

  async #decided(control: PluginControl, kind: "deny" | "grant", name: string, permission: Json): Promise<Result<unknown>> {
    return kind === "deny" ? control.revoke(name, permission, ACTOR) : control.grant(name, permission, ACTOR);
  }

  #sent(status: MessageStatus): void {
    if (status.sender.kind === "plugin") this.#answers += 1;
    this.#failed(status);
  }

  #failed({ state, final, to, channel, reason, code }: MessageStatus): void {
    if (state !== "failed" || !final) return;
    this.#heard += 1;
    const whom = to === BROADCAST ? `#${channel}` : this.deps.people.nameOf(to);
    this.deps.screen.show(`  -> ${whom}: not delivered: ${reason ?? "failed"}${code === undefined ? "" : ` (code ${code})`}`, "warn");
  }

  #show({ to, channel, text }: HeardText): void {
    this.#heard += 1;
    this.deps.screen.show(`  -> ${to === BROADCAST ? `#${channel}` : this.deps.people.nameOf(to)}: ${text}`, "mesh");
  }
}
