/** The conversations: one for each channel of each link, and one for each node. */
import { computed, signal } from "@preact/signals";
import { callPage } from "../api/call.ts";
import type { MessageView, ReceivedEvent, ReceivedView } from "../api/types.ts";
import { valueOrTell } from "./notices.ts";

export type Entry =
  | { readonly kind: "received"; readonly key: string; readonly at: number; readonly message: Omit<ReceivedView, "seq"> }
  | { readonly kind: "sent"; readonly key: string; readonly at: number; readonly message: MessageView };

export interface Conversation {
  /** `c/LINK/INDEX` or `n/!hex8`. */
  readonly key: string;
  /** Oldest first. */
  readonly entries: readonly Entry[];
  readonly last: Entry;
  readonly unread: number;
}

const MOST = 20_000;
const READ_KEY = "zephyrgate.read";

const entries = signal<ReadonlyMap<string, Entry>>(new Map());
/** Cursors of older texts; null when everything is loaded. */
const older = signal<{ readonly received: string | null; readonly sent: string | null }>({ received: null, sent: null });
export const hasOlder = computed(() => older.value.received !== null || older.value.sent !== null);
export const isLoaded = signal(false);

/** Key of what counts as read everywhere: all that was there before this browser first came. */
const BEFORE = "*";
/** Until when each conversation was read, ms of the gateway's clock. */
const read = signal<Readonly<Record<string, number>>>(storedRead());

function storedRead(): Record<string, number> {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(READ_KEY) ?? "{}");
    return Object.fromEntries(Object.entries(stored ?? {}).filter(([, at]) => typeof at === "number"));
  } catch {
    return {};
  }
}

export function conversationOf(entry: Entry): string {
  const { message } = entry;
  if (entry.kind === "received") return entry.message.is_direct ? `n/${entry.message.from}` : `c/${message.link}/${message.channel}`;
  return message.to === "broadcast" ? `c/${message.link}/${message.channel}` : `n/${message.to}`;
}

export const conversations = computed<readonly Conversation[]>(() => {
  const sorted = [...entries.value.values()].sort((a, b) => a.at - b.at);
  const grouped = new Map<string, Entry[]>();
  for (const entry of sorted) {
    const key = conversationOf(entry);
    const group = grouped.get(key);
    if (group === undefined) grouped.set(key, [entry]);
    else group.push(entry);
  }
  const made = [...grouped].map(([key, group]): Conversation => {
    const since = Math.max(read.value[key] ?? 0, read.value[BEFORE] ?? 0);
    const last = group.at(-1) ?? group[0];
    return { key, entries: group, last: last as Entry, unread: group.filter((each) => each.kind === "received" && each.at > since).length };
  });
  return made.sort((a, b) => b.last.at - a.last.at);
});

export const unread = computed(() => conversations.value.reduce((sum, each) => sum + each.unread, 0));

/** What was decided about answers to a text. */
export interface Decision {
  readonly outcome?: ReceivedView["outcome"];
  readonly suppressed: NonNullable<ReceivedView["suppressed"]>;
}

/** Decided since the page was opened, by correlation id; what was decided before comes with the text itself. */
export const decisions = signal<ReadonlyMap<string, Decision>>(new Map());
const DECISIONS_MOST = 2_000;

export function messageProcessed({
  correlation_id,
  outcome,
}: {
  readonly correlation_id: string;
  readonly outcome: ReceivedView["outcome"];
}): void {
  const known = decisions.value.get(correlation_id) ?? { suppressed: [] };
  decide(correlation_id, { ...known, outcome });
}

export function replySuppressed({ correlation_id, ...reply }: Decision["suppressed"][number] & { readonly correlation_id: string }): void {
  const known = decisions.value.get(correlation_id) ?? { suppressed: [] };
  decide(correlation_id, { ...known, suppressed: [...known.suppressed, reply] });
}

function decide(correlationId: string, decision: Decision): void {
  decisions.value = new Map([...[...decisions.value].slice(-DECISIONS_MOST), [correlationId, decision]]);
}

/** What our side did after a received text, by correlation id. */
export const consequences = computed<ReadonlyMap<string, readonly MessageView[]>>(() => {
  const found = new Map<string, MessageView[]>();
  for (const entry of entries.value.values()) {
    if (entry.kind !== "sent") continue;
    const list = found.get(entry.message.correlation_id);
    if (list === undefined) found.set(entry.message.correlation_id, [entry.message]);
    else list.push(entry.message);
  }
  return found;
});

const receivedEntry = (message: Omit<ReceivedView, "seq">): Entry => ({
  kind: "received",
  key: `${message.link}/${message.from}/${message.packet_id}/${message.received_at}`,
  at: Date.parse(message.received_at),
  message,
});
const sentEntry = (message: MessageView): Entry => ({ kind: "sent", key: message.id, at: Date.parse(message.queued_at), message });

function put(added: readonly Entry[]): void {
  const next = new Map(entries.value);
  for (const entry of added) next.set(entry.key, entry);
  if (next.size > MOST) {
    const oldest = [...next.values()].sort((a, b) => a.at - b.at).slice(0, next.size - MOST);
    for (const entry of oldest) next.delete(entry.key);
  }
  entries.value = next;
}

/** The newest texts of both directions, after what is known already. */
export async function loadMessages(): Promise<void> {
  const [received, sent] = await Promise.all([callPage<ReceivedView>("received", null), callPage<MessageView>("messages", null)]);
  const [heard, queued] = [valueOrTell(received), valueOrTell(sent)];
  if (heard === null || queued === null) return;
  const isFirst = !isLoaded.value;
  put([...heard.items.map(receivedEntry), ...queued.items.map(sentEntry)]);
  if (isFirst) older.value = { received: heard.next, sent: queued.next };
  isLoaded.value = true;
  if (read.peek()[BEFORE] === undefined)
    storeRead({ ...read.peek(), [BEFORE]: Math.max(0, ...[...entries.peek().values()].map(({ at }) => at)) });
}

function storeRead(next: Readonly<Record<string, number>>): void {
  read.value = next;
  localStorage.setItem(READ_KEY, JSON.stringify(next));
}

/** Events do not tell why a message waits, because that changes all the time: it is asked for while there is one. */
export async function loadWaiting(): Promise<void> {
  if (![...entries.peek().values()].some((entry) => entry.kind === "sent" && entry.message.state === "queued")) return;
  const waits = valueOrTell(await callPage<MessageView>("messages?state=queued", null));
  // One that has left meanwhile was told by an event, which is newer than this answer.
  const isStill = ({ id }: MessageView) => {
    const known = entries.peek().get(id);
    return known === undefined || (known.kind === "sent" && known.message.state === "queued");
  };
  if (waits !== null) put(waits.items.filter(isStill).map(sentEntry));
}

let isLoading = false;
/** The page before the oldest one that is known. */
export async function loadOlder(): Promise<void> {
  if (isLoading || entries.value.size >= MOST) return;
  isLoading = true;
  const { received, sent } = older.value;
  const [heard, queued] = await Promise.all([
    received === null ? null : callPage<ReceivedView>("received", received),
    sent === null ? null : callPage<MessageView>("messages", sent),
  ]);
  isLoading = false;
  const texts = heard === null ? null : valueOrTell(heard);
  const own = queued === null ? null : valueOrTell(queued);
  put([...(texts?.items ?? []).map(receivedEntry), ...(own?.items ?? []).map(sentEntry)]);
  older.value = { received: texts === null ? received : texts.next, sent: own === null ? sent : own.next };
}

let waiting: Entry[] = [];
const SOON_MS = 100;

function soon(entry: Entry): void {
  if (waiting.length === 0) setTimeout(takeWaiting, SOON_MS);
  waiting.push(entry);
}

function takeWaiting(): void {
  put(waiting);
  waiting = [];
}

export function messageReceived(event: ReceivedEvent): void {
  if (event.kind === "text") soon(receivedEntry(event));
}

export function messageChanged(message: MessageView): void {
  soon(sentEntry(message));
}

export function markRead(key: string): void {
  const last = conversations.peek().find((each) => each.key === key)?.last.at ?? 0;
  if (last <= (read.peek()[key] ?? 0)) return;
  storeRead({ ...read.peek(), [key]: last });
}

/** Forgets everything, at sign-out. */
export function forgetMessages(): void {
  entries.value = new Map();
  older.value = { received: null, sent: null };
  isLoaded.value = false;
}
