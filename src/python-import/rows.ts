/** Rows of the Python original's database as the plugin bbs takes them. */
import type { Json } from "../json.ts";
import { type Fields, fieldsOf, isTrue, type Note, nodeOf, textOf, timeOf } from "./values.ts";

const DAY_MS = 86_400_000;

/** Tables with nothing that could live on here, and why. */
const LEFT: Readonly<Record<string, string>> = {
  migrations: "bookkeeping of the original",
  sos_incidents: "calls for help are not continued by another gateway",
  checklist: "who is out must be asked anew",
  message_history: "a log of the mesh; nothing here reads it",
  system_config: "bookkeeping of the original",
  game_sessions: "games begin anew",
  weather_cache: "is fetched anew",
  alert_history: "is fetched anew",
  js8call_messages: "there is no JS8Call here",
  bbs_sessions: "menus begin anew",
  bbs_sync_log: "bookkeeping of the original",
  node_hardware: "nodes tell it again",
  fortunes: "there are no fortunes here",
  plugin_storage: "data of plugins written in Python",
  system_events: "a log of the original",
  message_routing_log: "a log of the original",
};

/** What the plugin keeps, and for how long. */
export interface Keeps {
  readonly boards: readonly string[];
  /** As many as it keeps: the newest are taken. */
  readonly maxBulletins: number;
  readonly bulletinDays: number;
  readonly mailDays: number;
  readonly now: number;
}

export interface Rows {
  readonly bulletins: readonly Json[];
  readonly letters: readonly Json[];
  readonly channels: readonly Json[];
  readonly names: readonly Json[];
  readonly notes: readonly Note[];
}

/** A row as it is taken, or why it is left. */
type Judged = { readonly [key: string]: Json } | string;

export function takeRows(tables: ReadonlyMap<string, readonly Fields[]>, keeps: Keeps): Rows {
  const notes: Note[] = [];
  const take = (table: string, judge: (row: Fields) => Judged): Json[] => {
    const rows = tables.get(table) ?? [];
    const judged = rows.map(judge);
    const taken = judged.filter((each): each is { readonly [key: string]: Json } => typeof each !== "string");
    if (tables.has(table))
      notes.push({ what: `${table}: ${taken.length} of ${rows.length}`, left: taken.length === 0 && rows.length > 0 ? "see below" : null });
    for (const [why, count] of countedBy(judged.filter((each) => typeof each === "string")))
      notes.push({ what: `${table}: ${count}`, left: why });
    return taken;
  };
  const newest = newestOf(tables.get("bulletins") ?? [], keeps);
  const tooMany = `older than the ${keeps.maxBulletins} newest (plugins.config.bbs.max_bulletins)`;
  const bulletins = take("bulletins", (row) => {
    const judged = bulletinOf(row, keeps);
    return typeof judged === "string" || newest.has(row) ? judged : tooMany;
  }).sort((a, b) => timeIn(a) - timeIn(b));
  const letters = take("mail", (row) => letterOf(row, keeps));
  const channels = take("channels", channelOf);
  const names = take("users", nameOf);
  for (const [table, rows] of tables) {
    if (["bulletins", "mail", "channels", "users"].includes(table) || rows.length === 0) continue;
    notes.push({ what: `${table}: ${rows.length}`, left: LEFT[table] ?? "not known here" });
  }
  if ((tables.get("users") ?? []).some(({ email, phone, address }) => [email, phone, address].some((each) => textOf(each) !== ""))) {
    notes.push({ what: "users: email, phone, address", left: "personal data that nothing here uses" });
  }
  return { bulletins, letters, channels, names, notes };
}

function bulletinOf(row: Fields, { boards, bulletinDays, now }: Keeps): Judged {
  const [author, at, subject, body] = [nodeOf(row.sender_id), timeOf(row.timestamp), textOf(row.subject), textOf(row.content)];
  if (author === null) return "the sender is no node id";
  if (at === null) return "its time cannot be read";
  if (subject === "" && body === "") return "it is empty";
  if (at < now - bulletinDays * DAY_MS) return `older than plugins.config.bbs.bulletin_days (${bulletinDays})`;
  const named = textOf(row.board);
  const board = boards.find((each) => each.toLowerCase() === named.toLowerCase()) ?? boards[0] ?? "general";
  const origin = `python:${textOf(row.unique_id) || textOf(row.id)}`;
  return {
    board,
    thread: null,
    subject: cut(subject || body, 60),
    body: cut(body, 1_000),
    author,
    author_name: textOf(row.sender_name) || author,
    at,
    origin,
  };
}

function letterOf(row: Fields, { mailDays, now }: Keeps): Judged {
  const [sender, receiver, at] = [nodeOf(row.sender_id), nodeOf(row.recipient_id), timeOf(row.timestamp)];
  if (receiver === null || sender === null) return "sender or receiver is no node id";
  if (at === null) return "its time cannot be read";
  if (at < now - mailDays * DAY_MS) return `older than plugins.config.bbs.mail_days (${mailDays})`;
  const origin = `python:${textOf(row.unique_id) || textOf(row.id)}`;
  const facts = {
    receiver,
    sender,
    sender_name: textOf(row.sender_name) || sender,
    subject: cut(textOf(row.subject), 60),
    body: cut(textOf(row.content), 1_000),
  };
  return { ...facts, at, isRead: textOf(row.read_at) !== "", origin };
}

function channelOf(row: Fields): Judged {
  const name = textOf(row.name);
  if (name === "") return "it has no name";
  if (row.active !== undefined && row.active !== null && !isTrue(row.active)) return "it was switched off";
  const both = (...values: (Json | undefined)[]) =>
    cut(
      values
        .map(textOf)
        .filter((text) => text !== "")
        .join(", "),
      60,
    );
  const type = textOf(row.channel_type) === "other" ? "" : textOf(row.channel_type);
  const author = nodeOf(row.added_by) ?? "";
  return {
    name: cut(name, 60),
    frequency: cut(textOf(row.frequency), 60),
    tone: both(row.tone, row.offset),
    place: both(row.location, row.coverage_area),
    notes: cut([textOf(row.description), type].filter((text) => text !== "").join(", "), 150),
    author,
    author_name: author === "" ? "import" : author,
    at: timeOf(row.added_at) ?? 0,
    is_verified: isTrue(row.verified) ? 1 : 0,
    origin: `python:${textOf(row.id)}`,
  };
}

function nameOf(row: Fields): Judged {
  const node = nodeOf(row.node_id);
  const [long, short] = [textOf(row.long_name), textOf(row.short_name)];
  if (node === null) return "no node id";
  return long === "" && short === "" ? "it has no name" : { node, long: cut(long, 60), short: cut(short, 20) };
}

/** The rows that are taken where there are more than the plugin keeps. */
function newestOf(rows: readonly Fields[], keeps: Keeps): ReadonlySet<Fields> {
  const usable = rows.filter((row) => typeof bulletinOf(row, keeps) !== "string");
  return new Set(usable.sort((a, b) => (timeOf(b.timestamp) ?? 0) - (timeOf(a.timestamp) ?? 0)).slice(0, keeps.maxBulletins));
}

function timeIn(taken: Json): number {
  const { at } = fieldsOf(taken);
  return typeof at === "number" ? at : 0;
}

function countedBy(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function cut(text: string, characters: number): string {
  return [...text].slice(0, characters).join("");
}
