import type { CommandContext, IncomingMessage, MessageContext, Plugin } from "zephyrgate";
import { asWritten, cutText } from "zephyrgate";
import type { Alerts } from "./alerts.ts";
import type { IncidentBook } from "./book.ts";
import type { Config } from "./config.types.ts";
import { type Incident, isDrill, type Kind, plainText } from "./incident.ts";
import type { RegionCases } from "./region/region.ts";
import { alertedByGateway, readResponders } from "./responders.ts";
import type { Watch } from "./watch.ts";
import { alertText, labelOf, wordsOf } from "./words.ts";

const MINUTE_MS = 60_000;
/** Texts of one sender that are passed on in this time; `history` has them all. */
const PASS_ON_MAX = 20;
const PASS_ON_MS = 10 * MINUTE_MS;
/** What is told of a call, with what its sender wrote later. */
const STORY_BYTES = 240;

/** What somebody in need sends: the call itself, and everything after it. */
export class Calls {
  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly book: IncidentBook,
    private readonly alerts: Alerts,
    private readonly watch: Watch,
    private readonly region: RegionCases,
  ) {}

  async called(kind: Kind, args: readonly string[], context: CommandContext): Promise<string> {
    const t = wordsOf(this.plugin);
    const text = plainText(asWritten(context, args));
    const drill = isDrill(text) ? 1 : 0;
    const now = Date.now();
    const key = await this.region.keyFor(context.senderId, context.message.packetId, now);
    const same = key === null ? null : await this.book.byKey(key);
    // Another site heard this very call, and was faster to say so.
    if (same !== null) return this.#calledToo(same, context);
    const known = await this.book.openOf(context.senderId);
    // A call that is meant opens an incident of its own beside a drill.
    if (known !== null && known.drill === drill) return this.#calledAgain(known, kind, text, context);
    const [first] = this.plugin.getConfig("kinds")[kind]?.escalate_minutes ?? [];
    const position = context.senderProfile?.position;
    const incident = await this.book.add({
      sender: context.senderId,
      name: plainText(context.senderName),
      kind,
      text,
      drill,
      opened_at: now,
      place: context.isDirect ? null : `${String(context.message.link)}/${context.channel}`,
      packet: context.message.packetId,
      escalate_at: first === undefined ? null : now + first * MINUTE_MS,
      latitude: position?.latitude ?? null,
      longitude: position?.longitude ?? null,
      position_at: position?.time === undefined ? null : position.time * 1000,
      ...(key === null ? {} : { key, turn: 1, heard: 1 }),
    });
    if (incident === null) return t("full");
    this.watch.begin();
    const responders = await readResponders(this.plugin, this.plugin.getConfig("responders"));
    const hasIt = await alertedByGateway(this.plugin);
    await this.alerts.send(
      incident,
      responders.filter((each) => !hasIt(each)),
      alertText(t, incident),
    );
    return this.#received(incident);
  }

  /** A name of the configuration that nobody has, and the sender himself, are not alerted. */
  async #received(incident: Incident): Promise<string> {
    const t = wordsOf(this.plugin);
    const label = labelOf(t, incident);
    const queued = (await this.book.alerts(incident.id)).flatMap(({ target, message }) => (message === null ? [] : [target]));
    const names = [...new Set(queued)].join(", ");
    return names === ""
      ? t("recorded", { label, id: incident.id })
      : cutText(t("received", { label, id: incident.id, names: cutText(names, 70) }));
  }

  async #calledToo(incident: Incident, context: CommandContext): Promise<string> {
    if (incident.closed_at !== null) return cutText(wordsOf(this.plugin)("unknown", { id: incident.id }));
    const place = context.isDirect ? null : `${String(context.message.link)}/${context.channel}`;
    await this.book.change(incident.id, { turn: Math.max(1, incident.turn), heard: incident.heard + 1, place });
    return this.#received(incident);
  }

  async #calledAgain(incident: Incident, kind: Kind, text: string, context: CommandContext): Promise<string> {
    await this.book.change(incident.id, { packet: context.message.packetId });
    if (incident.kind === "sos" && kind !== "sos") await this.book.change(incident.id, { kind });
    await this.#heard(incident, context.message.packetId);
    const t = wordsOf(this.plugin);
    const label = labelOf(t, incident);
    const names = await this.#passOn(incident, context.senderName, text, true);
    return this.#passedOn(label, names);
  }

  #passedOn(label: string, names: string): string {
    const t = wordsOf(this.plugin);
    return names === "" ? t("noted", { label }) : cutText(t("updated", { label, names: cutText(names, 100) }));
  }

  /** Whatever somebody in need sends shows that he lives; a text that is no command goes on to the responders. */
  async heard(message: IncomingMessage, context: MessageContext): Promise<string | null> {
    const incident = await this.book.openOf(context.senderId);
    if (incident === null) return null;
    if (message.position !== undefined) {
      const { latitude, longitude } = message.position;
      await this.book.addPosition(incident.id, Date.now(), latitude, longitude);
      return null;
    }
    // The call itself, which the command has handled before.
    if (message.packetId === incident.packet) return null;
    const wasAsked = incident.asked_at !== null;
    await this.#heard(incident, message.packetId);
    const t = wordsOf(this.plugin);
    const label = labelOf(t, incident);
    if (message.answered === true) return null;
    const text = plainText(message.text ?? "");
    const names = await this.#passOn(incident, context.senderName, text, message.alerted === true);
    if (!context.isDirect) return null;
    if (wasAsked) return t("thanks_check_in", { label, id: incident.id });
    return this.#passedOn(label, names);
  }

  async #heard(incident: Incident, packet: number): Promise<void> {
    await this.book.change(incident.id, { heard_at: Date.now(), asked_at: null, misses: 0, silences: 0 });
    await this.region.heard(incident, packet);
  }

  /**
   * The names of those to whom it goes and who have the alert: the others may be out of reach. `alerted`: the gateway has told those
   * whom it alerts itself.
   */
  async #passOn(incident: Incident, name: string, text: string, alerted: boolean): Promise<string> {
    const recent = await this.book.notesSince(incident.id, incident.sender, Date.now() - PASS_ON_MS);
    await this.book.note(incident.id, incident.sender, text);
    // It is on record; but the emergency lane of everybody else is not to be filled by one node.
    if (recent >= PASS_ON_MAX) return "";
    const responders = await readResponders(this.plugin, this.plugin.getConfig("responders"));
    if (text === "") return "";
    // Whom nothing has reached yet gets the whole story once it does.
    await this.book.change(incident.id, { text: cutText(incident.text === "" ? text : `${incident.text}; ${text}`, STORY_BYTES) });
    const alerts = await this.book.alerts(incident.id);
    const answers = await this.book.answers(incident.id);
    const ofGateway = await alertedByGateway(this.plugin);
    const knows = responders.filter(
      (each) => ofGateway(each) || alerts.some(({ target, state }) => target === each.name && state !== "failed"),
    );
    const untold = knows.filter((each) => !(alerted && ofGateway(each)));
    await this.alerts.send(incident, untold, wordsOf(this.plugin)("more", { id: incident.id, name: plainText(name), text }));
    const has = knows.filter(
      (responder) =>
        responder.kind === "channel" ||
        answers.some(({ node }) => node === responder.id) ||
        alerts.some(({ target, state }) => target === responder.name && state === "reached"),
    );
    return has.map((each) => each.name).join(", ");
  }
}
