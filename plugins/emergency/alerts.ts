import { type MessageStatusEvent, PermissionDenied, type Plugin, PluginError, type SendOptions } from "zephyrgate";
import type { IncidentBook } from "./book.ts";
import type { Config } from "./config.types.ts";
import type { Alert, AlertState, Incident } from "./incident.ts";
import type { Responder } from "./responders.ts";
import { factsOf, wordsOf } from "./words.ts";

/** How long the sender waits for the first report where not every alert has ended. */
const REPORT_MS = 90_000;
const RETRY_MS = 60_000;
/** Texts to one responder about one incident that did not arrive, before it is given up. */
const TRIES_MAX = 4;
/** With those that could not even be queued, because no radio has been connected yet. */
const ATTEMPTS_MAX = 60;
const TELL_TRIES_MAX = 5;
/** A text that was to be queued so long ago never was. */
const UNQUEUED_MS = 60_000;
/** The sender reads the answer to its call before the first report. */
const ANSWER_FIRST_MS = 5_000;

/** Who looks after the sender of an incident, where a region has several sites. */
export interface Carers {
  looksAfter(incident: Incident): Promise<boolean>;
}

/** Sends what must arrive, follows it, and tells the sender what became of it. */
export class Alerts {
  carers: Carers = { looksAfter: () => Promise.resolve(true) };

  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly book: IncidentBook,
  ) {}

  /**
   * Sends a text about an incident to all these; what does not arrive is sent again by {@link retry}. `link`: over this one alone;
   * without it the gateway chooses the one that heard the node last, or another that is up.
   */
  async send(incident: Incident, responders: readonly Responder[], text: string, link?: string): Promise<void> {
    const wanted = responders.filter((each) => each.kind === "channel" || each.id !== incident.sender);
    const numbers: number[] = [];
    for (const { name, kind } of wanted) numbers.push(await this.book.addAlert(incident.id, name, kind === "channel"));
    for (const [at, responder] of wanted.entries()) {
      const over = link === undefined ? {} : { channel: `${link}/0` };
      const to: SendOptions =
        responder.kind === "node" ? { destination: responder.id, ...over } : { destination: "broadcast", channel: responder.target };
      await this.book.alertQueued(numbers[at] ?? 0, await this.#queue(incident, text, { ...to, wantAck: responder.kind === "node" }));
    }
  }

  /** Without those whom another site has alerted, or tries to: one alert of one call is enough. */
  async ownOf(incident: Incident, responders: readonly Responder[]): Promise<readonly Responder[]> {
    const views = await this.book.views.of(incident.id);
    if (views.length === 0) return responders;
    const own = new Set((await this.book.alerts(incident.id)).map(({ target }) => target));
    const isElsewhere = (id: string) => views.some(({ view }) => view.alerted[id] === "r" || view.alerted[id] === "p");
    return responders.filter((each) => own.has(each.name) || each.kind === "channel" || !isElsewhere(each.id));
  }

  /** Something that those who were alerted should know, once. */
  async inform(incident: Incident, responders: readonly Responder[], text: string, without: string): Promise<void> {
    for (const responder of responders) {
      if (responder.kind === "node" && responder.id !== without && responder.id !== incident.sender)
        await this.#queue(incident, text, { destination: responder.id });
      if (responder.kind === "channel") await this.#queue(incident, text, { destination: "broadcast", channel: responder.target });
    }
  }

  /** The gateway reports about a message. */
  async follow(event: MessageStatusEvent): Promise<void> {
    const told = await this.book.openOfTelling(event.id);
    if (told !== null) return this.#followTelling(told, event);
    const state = stateOf(event, await this.book.isChannelAlert(event.id));
    const incident = state === "pending" ? null : await this.book.moveAlert(event.id, state);
    if (incident !== null) await this.report(incident.id);
  }

  /** Looks after what is under way: events may have been missed while the plugin was not running. */
  async reconcile(incident: Incident): Promise<void> {
    await this.book.forgetUnqueued(incident.id, Date.now() - UNQUEUED_MS);
    const waiting = (await this.book.alerts(incident.id))
      .filter(({ state }) => state !== "reached")
      .flatMap(({ message }) => message ?? []);
    for (const id of incident.telling === null ? waiting : [...waiting, incident.telling]) {
      const status = await this.plugin.getMessageStatus(id);
      if (status !== null) await this.follow(status);
    }
  }

  /**
   * Sends once more to those that nothing has reached: some times in any case, each time over another link, because the one that heard
   * a node last may be deaf now; and whenever the node was heard since.
   */
  async retry(incident: Incident, responders: readonly Responder[], text: string): Promise<void> {
    const alerts = await this.book.alerts(incident.id);
    const links = (await this.plugin.getNetworkStatus()).links.filter(({ state }) => state === "up").map(({ name }) => name);
    for (const responder of responders) {
      const own = alerts.filter(({ target }) => target === responder.name);
      const last = own.at(-1);
      const isLost = last !== undefined && own.every(({ state }) => state === "failed") && Date.now() - last.at >= RETRY_MS;
      if (!isLost || own.length >= ATTEMPTS_MAX) continue;
      const tries = own.filter(({ message }) => message !== null).length;
      if (tries >= TRIES_MAX && !(await this.#wasHeard(responder, last.at))) continue;
      await this.send(incident, [responder], text, links.length < 2 ? undefined : links[tries % links.length]);
    }
  }

  async #wasHeard(responder: Responder, since: number): Promise<boolean> {
    if (responder.kind === "channel") return false;
    return ((await this.plugin.getNodeInfo(responder.id))?.lastHeard ?? 0) > since;
  }

  /** Tells the sender what has changed. `atOnce`: whatever is still under way. */
  async report(id: number, atOnce = false): Promise<void> {
    const incident = await this.book.get(id);
    if (incident === null || incident.closed_at !== null || !(await this.carers.looksAfter(incident))) return;
    const alerts = await this.book.alerts(id);
    const facts = factsOf(wordsOf(this.plugin), incident, alerts, await this.book.answers(id), await this.book.views.of(id));
    if (facts === "" || facts === incident.told) return;
    const waited = Date.now() - incident.told_at;
    if (!atOnce && (waited < ANSWER_FIRST_MS || (!isSettled(alerts) && waited < REPORT_MS))) return;
    await this.book.change(id, { told: facts, told_at: Date.now(), tell_tries: 0 });
    await this.tell(incident, facts);
  }

  /** A text to the sender. One that fails is sent again, in the end on the channel that the call came from. */
  async tell(incident: Incident, text: string): Promise<void> {
    const message = await this.#queue(incident, text, { destination: incident.sender, wantAck: true });
    await this.book.change(incident.id, { telling: message });
  }

  async #followTelling(incident: Incident, event: MessageStatusEvent): Promise<void> {
    const state = stateOf(event, false);
    if (state === "pending") return;
    await this.book.change(incident.id, { telling: null });
    if (state === "reached" || incident.closed_at !== null || incident.tell_tries >= TELL_TRIES_MAX) return;
    await this.book.change(incident.id, { tell_tries: incident.tell_tries + 1 });
    if (incident.place === null || incident.tell_tries > 0) return this.#tellLater(incident);
    await this.#queue(incident, incident.told, { destination: "broadcast", channel: incident.place });
  }

  /** The next report says it again. */
  async #tellLater({ id }: Incident): Promise<void> {
    await this.book.change(id, { told: "", told_at: Date.now() });
  }

  async #queue(incident: Incident, text: string, options: SendOptions): Promise<string | null> {
    try {
      return (await this.plugin.sendMessage(text, { ...options, priority: incident.drill === 1 ? "high" : "emergency" })).id;
    } catch (error) {
      if (!(error instanceof PluginError || error instanceof PermissionDenied)) throw error;
      this.plugin.log.error("a text about an incident could not be sent", {
        incident: incident.id,
        to: options.channel ?? options.destination,
        error,
      });
      return null;
    }
  }
}

function stateOf(event: MessageStatusEvent, isChannel: boolean): AlertState {
  if (event.part !== undefined && event.part < event.parts) return "pending";
  if (event.state === "delivered" || event.note === "acknowledged_late") return "reached";
  if (isChannel && (event.state === "sent" || event.state === "relayed")) return "reached";
  return event.state === "failed" ? "failed" : "pending";
}

function isSettled(alerts: readonly Alert[]): boolean {
  return alerts.every(({ state }) => state !== "pending");
}
