import { type Actor, by, type MessageControl, type OperatorMessage, type Page, type Paging } from "../api/contract/control.ts";
import type { DecidedText } from "../api/contract/mesh-views.ts";
import type { TrafficHour } from "../api/contract/views.ts";
import { fail, ok, type Result } from "../errors.ts";
import { BROADCAST } from "../mesh/ids.ts";
import type { Outbox } from "../mesh/outbox/outbox.ts";
import type { MessageState, MessageStatus } from "../mesh/outgoing.ts";
import type { ReceivedTexts } from "../mesh/received/store.ts";
import { type AddressBook, isUnknownChannel, resolveAddress } from "../plugins/capabilities/mesh/address.ts";
import type { ReplyDecisions } from "./reply-decisions.ts";
import { iso } from "./views.ts";

export interface MessagesDeps {
  readonly outbox: Outbox;
  readonly book: AddressBook;
  /** At the start: waits for radios that were never connected. */
  channelsTold(): Promise<boolean>;
  readonly keptTexts: Pick<ReceivedTexts, "list" | "countByHour">;
  readonly decisions: Pick<ReplyDecisions, "of">;
  now(): number;
  correlationId(): string;
  audit(event: string, detail: string): void;
}

const OPERATOR = { context: null, link: null };
const HOUR_MS = 3_600_000;
const TRAFFIC_MS = 30 * 24 * HOUR_MS;
const CURSOR = /^m_[0-9A-Za-z]{26}$/;

/** Lists queued and sent messages, and sends the operator's own. */
export class Messages implements MessageControl {
  constructor(private readonly deps: MessagesDeps) {}

  list(
    filter: { readonly state?: MessageState | undefined; readonly plugin?: string | undefined },
    paging: Paging,
  ): Result<Page<MessageStatus>> {
    if (paging.cursor !== undefined && !CURSOR.test(paging.cursor))
      return fail("invalid_argument", "the cursor is not one this API gave out", { hint: "use the value of `next`" });
    const items: MessageStatus[] = [];
    let before = paging.cursor;
    // One more than is shown tells whether there is more. The filter by plugin reads page after page; the history is bounded, so this ends.
    while (items.length <= paging.limit) {
      const batch = this.deps.outbox.list({
        limit: 500,
        ...(filter.state === undefined ? {} : { state: filter.state }),
        ...(before === undefined ? {} : { before }),
      });
      items.push(
        ...batch.filter((item) => filter.plugin === undefined || (item.sender.kind === "plugin" && item.sender.plugin === filter.plugin)),
      );
      before = batch.at(-1)?.id;
      if (batch.length < 500) break;
    }
    const page = items.slice(0, paging.limit);
    const more = items.length > page.length;
    return ok({ items: page, next: more ? (page.at(-1)?.id ?? null) : null });
  }

  received({ from }: { readonly from?: string | number | undefined }, { limit, cursor }: Paging): Result<Page<DecidedText>> {
    const before = cursor === undefined ? undefined : Number(cursor);
    if (before !== undefined && !Number.isSafeInteger(before))
      return fail("invalid_argument", "the cursor is not one this API gave out", { hint: "use the value of `next`" });
    const sender = from === undefined ? ok(undefined) : this.deps.book.nodes.resolve(from);
    if (!sender.ok) return sender;
    const kept = this.deps.keptTexts.list({ limit, before, from: sender.value });
    const items = kept.map((text) => ({ ...text, ...this.deps.decisions.of(text.correlationId) }));
    return ok({ items, next: items.length < limit ? null : String(items.at(-1)?.seq ?? "") });
  }

  get(id: string): Result<MessageStatus> {
    const found = this.deps.outbox.get(id);
    return found === null ? fail("not_found", "there is no such message", { hint: "messages are kept for 30 days" }) : ok(found);
  }

  traffic(): Result<readonly TrafficHour[]> {
    const since = this.deps.now() - TRAFFIC_MS;
    const hours = new Map<number, { received: number; sent: number; failed: number }>();
    const none = { received: 0, sent: 0, failed: 0 };
    for (const { hour, received } of this.deps.keptTexts.countByHour(since)) hours.set(hour, { ...none, received });
    for (const { hour, sent, failed } of this.deps.outbox.countByHour(since))
      hours.set(hour, { ...none, ...hours.get(hour), sent, failed });
    const sorted = [...hours].sort(([a], [b]) => a - b);
    return ok(sorted.map(([hour, counts]) => ({ hour: iso(hour * HOUR_MS), ...counts })));
  }

  async send(message: OperatorMessage, actor: Actor): Promise<Result<{ id: string }>> {
    const { destination = "broadcast", channel } = message;
    const where = { destination, ...(channel === undefined ? {} : { channel }) };
    let address = resolveAddress(where, OPERATOR, this.deps.book);
    if (isUnknownChannel(address, where) && (await this.deps.channelsTold())) address = resolveAddress(where, OPERATOR, this.deps.book);
    if (!address.ok) return address;
    const { to, routes } = address.value;
    const queued = this.deps.outbox.enqueue({
      text: message.text,
      to,
      routes,
      priority: message.priority ?? "normal",
      wantAck: message.wantAck ?? to !== BROADCAST,
      sender: { kind: "operator" },
      correlationId: this.deps.correlationId(),
    });
    if (!queued.ok) return queued;
    const stored = await queued.value.stored;
    if (!stored.ok) return stored;
    this.deps.audit("send", `${by(actor)}: ${queued.value.id}`);
    return ok({ id: queued.value.id });
  }
}
