import {
  asWritten,
  type Context,
  cutText,
  fitLines,
  type MenuContext,
  type NodeInfo,
  Plugin,
  type PluginMessage,
  type SendOptions,
} from "zephyrgate";
import type { Config } from "./config.types.ts";
import { exported } from "./csv.ts";
import { Fences } from "./fences.ts";
import { MIGRATIONS, type Trip, Trips } from "./store.ts";
import { type T, texts } from "./texts.ts";
import { cleanText, isSpanLike, readSpan, spanOf } from "./words.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MAX_HOURS = 720;
const NOTE_BYTES = 80;
const NAME_BYTES = 20;
/** Of one past trip. */
const LINE_BYTES = 90;
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
    this.registerCommand("trips", this.trips, { help: t("help_trips"), usage: "trips [NAME] [FROM]" });
    this.registerCommand("fences", () => this.#fences?.list(), { help: t("help_fences") });
    this.registerMenuItem("utilities", t("label_out"), (context: MenuContext) => this.out([...context.args]), { command: "out" });
    this.registerScheduledTask("overdue", { interval: 60 }, this.overdue);
    this.registerPluginMessageHandler((message: PluginMessage) => exported(message, this.#trips));
    this.onEvent("node_seen", (node: NodeInfo) => this.#fences?.heard(node));
  }

  async checkout(args: string[], context: Context): Promise<string> {
    const t = this.#t;
    const { senderId, senderName } = context;
    const named = readSpan(args[0]);
    if (named === null ? isSpanLike(args[0]) : named === 0) return t("no_time", { word: cleanText(args[0] ?? "", 12) });
    if (named !== null && named > MAX_HOURS * 60 * MINUTE_MS) return t("too_long", { hours: MAX_HOURS });
    const open = await this.#trips.open(senderId);
    if (open === null && (await this.#trips.countOpen()) >= OPEN_MAX) return t("full");
    const note = cleanText(asWritten(context, named === null ? args : args.slice(1)), NOTE_BYTES);
    const now = Date.now();
    const usual = this.getConfig("default_hours", 0) * 60 * MINUTE_MS;
    // A further note without a time moves nothing: whoever is awaited stays awaited.
    const due = named === null && open !== null ? open.due_at : (named ?? usual) === 0 ? null : now + (named ?? usual);
    await this.#trips.leave(senderId, cutText(senderName, NAME_BYTES), now, due, note);
    if (due === null) return t("out_open");
    if (due <= now) return t("ask_back");
    const span = due - now;
    return t((await this.#receivers()).length === 0 ? "out_until_nobody" : "out_until", { span: spanOf(t, span) });
  }

  async checkin(args: string[], context: Context): Promise<string> {
    const t = this.#t;
    const { senderId, senderName } = context;
    const trip = await this.#trips.open(senderId);
    const note = cleanText(asWritten(context, args), NOTE_BYTES);
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
    if (found.length === 0) return count === 0 ? t("out_none") : t("out_end", { count });
    return fitLines(
      found.map((trip) => this.#line(trip)),
      { title: t("out_title", { count }), hasMore: skip + found.length < count, more: (shown) => t("more", { page: skip + shown + 1 }) },
    ).text;
  }

  /** `trips`, `trips 13`: one's own, the newest first. An operator sees those of all, and by `trips NAME` of one. */
  async trips(args: string[], context: Context): Promise<string> {
    const t = this.#t;
    // A name may end in a number.
    const isName = args.length > 1 && context.isOperator && (await this.getNodeInfo(args.join(" "))) !== null;
    const last = !isName && /^\d{1,5}$/.test(args.at(-1) ?? "") ? Number(args.at(-1)) : null;
    const name = (last === null ? args : args.slice(0, -1)).join(" ");
    if (name !== "" && !context.isOperator) return t("trips_own");
    const node = name === "" ? null : await this.getNodeInfo(name);
    if (name !== "" && node === null) return t("nobody_known", { name: cleanText(name, 30) });
    const whose = node?.id ?? (context.isOperator ? null : context.senderId);
    const skip = Math.max(1, last ?? 1) - 1;
    const found = await this.#trips.past(whose, PAGE_ROWS + 1, skip);
    if (found.length === 0) return t("trips_none");
    const again = name === "" ? "trips" : `trips ${cleanText(name, 30)}`;
    return fitLines(
      found.slice(0, PAGE_ROWS).map((trip) => this.#pastLine(trip)),
      { hasMore: found.length > PAGE_ROWS, more: (shown) => t("trips_more", { again, from: skip + shown + 1 }) },
    ).text;
  }

  #pastLine({ name, out_at, in_at, note, in_note, stage }: Trip): string {
    const t = this.#t;
    const facts = { name, ago: spanOf(t, Date.now() - out_at), span: spanOf(t, (in_at ?? Date.now()) - out_at) };
    const line = t(in_at === null ? "trip_open" : stage === 2 ? "trip_late" : "trip", facts);
    return cutText([line, note, in_note].filter((each) => each !== "").join(", "), LINE_BYTES);
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
    return trip === null ? this.#t("nobody_named", { name: cleanText(name, 30) }) : cutText((await this.#facts(trip)).join(", "));
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
    const receivers = await this.#receivers();
    if (receivers.length === 0) this.log.warn(`nobody is named under notify: ${text}`);
    for (const to of receivers) {
      try {
        await this.sendMessage(text, { ...to, priority: "high" });
      } catch (error) {
        this.log.error("an alarm was not sent", { to: to.channel ?? to.destination, error });
      }
    }
  }

  /** Nobody twice: an operator may be named under `notify`, by id or by name. */
  async #receivers(): Promise<SendOptions[]> {
    const named = this.getConfig("notify");
    const ids = await Promise.all(named.map(async (name) => (await this.getNodeInfo(name))?.id ?? name));
    const operators = this.getConfig("notify_operators") ? (await this.getNetworkStatus()).operators : [];
    const nodes = [...new Set([...ids, ...operators])];
    const channels = [...new Set(this.getConfig("notify_channels"))];
    return [
      ...nodes.map((destination) => ({ destination, wantAck: true })),
      ...channels.map((channel) => ({ destination: "broadcast", channel })),
    ];
  }
}
