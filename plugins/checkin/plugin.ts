import { type Context, cutText, fitLines, type MenuContext, type NodeInfo, Plugin, type PluginMessage } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { exported } from "./csv.ts";
import { Fences } from "./fences.ts";
import { MIGRATIONS, type Trip, Trips } from "./store.ts";
import { type T, texts } from "./texts.ts";
import { readSpan, spanOf } from "./words.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MAX_HOURS = 720;
const NOTE_BYTES = 80;
const NAME_BYTES = 20;
const PAGE_ROWS = 12;
/** Nodes that are out at once: numbers can be invented. */
const OPEN_MAX = 1_000;

export default class Checkin extends Plugin<Config> {
  readonly #trips = new Trips(this);
  #fences: Fences | null = null;

  get #t(): T {
    return texts(this.language);
  }

  override async initialize() {
    await this.db.migrate(MIGRATIONS);
    const t = this.#t;
    this.#fences = new Fences(this, t, (text) => this.#alert(text));
    this.registerCommand("checkout", this.checkout, { help: t("help_checkout"), usage: "checkout [4h] [NOTES]" });
    this.registerCommand("checkin", this.checkin, { help: t("help_checkin"), usage: "checkin [NOTES]" });
    this.registerCommand("out", this.out, { help: t("help_out"), usage: "out [NAME]" });
    this.registerCommand("fences", () => this.#fences?.list(), { help: t("help_fences") });
    this.registerMenuItem("utilities", t("label_out"), (context: MenuContext) => this.out([...context.args]), { command: "out" });
    this.registerScheduledTask("overdue", { interval: 60 }, this.overdue);
    this.registerPluginMessageHandler((message: PluginMessage) => exported(message, this.#trips));
    this.onEvent("node_seen", (node: NodeInfo) => this.#fences?.heard(node));
  }

  async checkout(args: string[], { senderId, senderName }: Context): Promise<string> {
    const t = this.#t;
    const named = readSpan(args[0]);
    if (named !== null && named > MAX_HOURS * 60 * MINUTE_MS) return t("too_long", { hours: MAX_HOURS });
    const span = named ?? this.getConfig("default_hours", 0) * 60 * MINUTE_MS;
    if ((await this.#trips.open(senderId)) === null && (await this.#trips.countOpen()) >= OPEN_MAX) return t("full");
    const note = cutText((named === null ? args : args.slice(1)).join(" "), NOTE_BYTES);
    const now = Date.now();
    await this.#trips.leave(senderId, cutText(senderName, NAME_BYTES), now, span === 0 ? null : now + span, note);
    if (span === 0) return t("out_open");
    return t(this.getConfig("notify").length === 0 ? "out_until_nobody" : "out_until", { span: spanOf(t, span) });
  }

  async checkin(args: string[], { senderId, senderName }: Context): Promise<string> {
    const t = this.#t;
    const trip = await this.#trips.open(senderId);
    const note = cutText(args.join(" "), NOTE_BYTES);
    if (trip === null) {
      // A check-in of somebody who was not out is a trip of no length: the list of them has it.
      await this.#trips.leave(senderId, cutText(senderName, NAME_BYTES), Date.now(), null, "");
      const noted = await this.#trips.open(senderId);
      if (noted !== null) await this.#trips.comeBack(noted.id, Date.now(), note);
      return t("was_in");
    }
    await this.#trips.comeBack(trip.id, Date.now(), note);
    if (trip.stage === 2) await this.#alert(t("over", { name: trip.name }));
    return t("back", { span: spanOf(t, Date.now() - trip.out_at) });
  }

  /** `out`, `out PAGE`, `out NAME`. */
  async out(args: string[]): Promise<string> {
    const t = this.#t;
    const page = /^\d{1,3}$/.test(args[0] ?? "") ? Number(args[0]) : null;
    if (args.length > 0 && page === null) return this.#detail(args.join(" "));
    const skip = (page ?? 0) === 0 ? 0 : (page ?? 1) - 1;
    const [found, count] = [await this.#trips.allOpen(PAGE_ROWS, skip), await this.#trips.countOpen()];
    if (found.length === 0) return t("out_none");
    return fitLines(
      found.map((trip) => this.#line(trip)),
      { title: t("out_title", { count }), hasMore: skip + found.length < count, more: (shown) => t("more", { page: skip + shown + 1 }) },
    ).text;
  }

  #line({ name, out_at, due_at }: Trip): string {
    const t = this.#t;
    const now = Date.now();
    const facts = { name, span: spanOf(t, now - out_at) };
    if (due_at === null) return t("line", facts);
    return due_at < now
      ? t("line_overdue", { ...facts, due: spanOf(t, now - due_at) })
      : t("line_due", { ...facts, due: spanOf(t, due_at - now) });
  }

  async #detail(name: string): Promise<string> {
    const node = await this.getNodeInfo(name);
    const trip = node === null ? null : await this.#trips.open(node.id);
    return trip === null ? this.#t("nobody_named", { name: cutText(name, 30) }) : cutText((await this.#facts(trip)).join(", "));
  }

  /** What is known of somebody who is out: since when, due when, heard when, and where. */
  async #facts({ node, name, out_at, due_at, note }: Trip): Promise<string[]> {
    const t = this.#t;
    const now = Date.now();
    const info = await this.getNodeInfo(node);
    const position = info?.position;
    const place = position === undefined ? "" : `${position.latitude.toFixed(4)} ${position.longitude.toFixed(4)}`;
    const due =
      due_at === null
        ? ""
        : due_at < now
          ? t("detail_overdue", { due: spanOf(t, now - due_at) })
          : t("detail_due", { due: spanOf(t, due_at - now) });
    const heard = info?.lastHeard === undefined ? t("detail_never") : t("detail_heard", { age: spanOf(t, now - info.lastHeard) });
    const at =
      place === ""
        ? ""
        : position?.time === undefined
          ? t("detail_place_undated", { place })
          : t("detail_place", { place, age: spanOf(t, now - position.time * 1000) });
    return [t("detail", { name, span: spanOf(t, now - out_at) }), due, heard, at, note].filter((each) => each !== "");
  }

  /** First the one who is overdue is asked; after the grace the others are told. */
  async overdue() {
    const now = Date.now();
    const grace = this.getConfig("grace_minutes", 15) * MINUTE_MS;
    for (const trip of await this.#trips.due(now)) {
      if (trip.stage === 0) await this.#ask(trip);
      else if (trip.stage === 1 && (trip.due_at ?? now) + grace <= now) {
        await this.#alert(cutText(this.#t("alarm", { facts: (await this.#facts(trip)).join(", ") })));
        await this.#trips.setStage(trip.id, 2);
      }
    }
    await this.#trips.clean(now - this.getConfig("keep_days", 365) * DAY_MS);
  }

  async #ask(trip: Trip): Promise<void> {
    try {
      await this.sendMessage(this.#t("ask_back"), { destination: trip.node, priority: "high" });
    } catch (error) {
      this.log.warn("somebody overdue was not asked", { node: trip.node, error });
    }
    await this.#trips.setStage(trip.id, 1);
  }

  async #alert(text: string): Promise<void> {
    const receivers = this.getConfig("notify");
    if (receivers.length === 0) this.log.warn(`nobody is named under notify: ${text}`);
    for (const destination of receivers) {
      try {
        await this.sendMessage(text, { destination, priority: "high", wantAck: true });
      } catch (error) {
        this.log.error("an alarm was not sent", { to: destination, error });
      }
    }
  }
}
