/** Rows of another board, each judged before it is stored: whoever made the file may have been mistaken, or worse. */
import type { Json } from "zephyrgate";
import type { NewBulletin } from "./bulletins/store.ts";
import type { NewChannel } from "./directory/store.ts";
import { cleanBody, short } from "./layout.ts";
import type { NewLetter } from "./mail/store.ts";

/** How a node was called there; "" for none. */
export interface ImportedName {
  readonly node: string;
  readonly long: string;
  readonly short: string;
}

/** A row that is not taken, by its place in the list that was given, from 0. */
export interface Refused {
  readonly kind: string;
  readonly row: number;
  readonly reason: string;
}

export type Fields = { readonly [key: string]: Json | undefined };
type Judge<T> = (row: Fields, subjectChars?: number) => T | string;

/** One word without what disturbs a display. */
const BOARD = /^[^\s\p{C}]{1,20}$/u;
const NODE = /^![0-9a-f]{8}$/;
const SUBJECT_CHARS = 60;
/** A subject was cut by its bytes when it was stored, or came from another site of the region. */
const STORED_CHARS = 200;
const BODY_CHARS = 1_000;
const NAME_BYTES = 60;
const FIELD_CHARS = 150;
const ORIGIN_CHARS = 200;
/** ms since 1970; what is older was written by a clock that was never set. */
const OLDEST = Date.UTC(2000, 0);
/** Not measured by the own clock, which may be behind. */
const LATEST = Date.UTC(2100, 0);

/** The rows of one kind that can be stored; the others are added to `refused`. */
export function judged<T>(kind: string, rows: Json | undefined, judge: Judge<T>, refused: Refused[]): T[] {
  if (rows === undefined) return [];
  if (!Array.isArray(rows)) {
    refused.push({ kind, row: 0, reason: `${kind} is no list` });
    return [];
  }
  const taken: T[] = [];
  for (const [row, each] of (rows as readonly Json[]).entries()) {
    const found = isFields(each) ? judge(each) : "it is no object";
    if (typeof found === "string") refused.push({ kind, row, reason: found });
    else taken.push(found);
  }
  return taken;
}

export const judgeBulletin: Judge<NewBulletin & { readonly origin: string }> = (row, subjectChars = SUBJECT_CHARS) => {
  const texts = textsOf(row, { subject: subjectChars, body: BODY_CHARS, author_name: FIELD_CHARS, origin: ORIGIN_CHARS });
  if (typeof texts === "string") return texts;
  const { board, author } = row;
  const at = timeOf(row.at);
  // A board that is not in the configuration yet: its bulletins are there once it is.
  if (typeof board !== "string" || !BOARD.test(board)) return `${JSON.stringify(board ?? null).slice(0, 40)} is no board's name`;
  if (!isNode(author)) return "author is no node id such as !0a0b0c0d";
  if (at === null) return "at is no time in ms since 1970";
  if (texts.origin === "") return "it has no origin";
  const [subject, body] = [short(texts.subject, SUBJECT_CHARS * 4), cleanBody(texts.body)];
  if (subject === "") return "it has no subject";
  return {
    board,
    thread: null,
    subject,
    body,
    author,
    author_name: short(texts.author_name, NAME_BYTES) || author,
    at,
    origin: texts.origin,
  };
};

export const judgeLetter: Judge<NewLetter & { readonly origin: string }> = (row, subjectChars = SUBJECT_CHARS) => {
  const texts = textsOf(row, { subject: subjectChars, body: BODY_CHARS, sender_name: FIELD_CHARS, origin: ORIGIN_CHARS });
  if (typeof texts === "string") return texts;
  const { sender, receiver, isRead = false } = row;
  const at = timeOf(row.at);
  if (!isNode(sender)) return "sender is no node id such as !0a0b0c0d";
  if (!isNode(receiver)) return "receiver is no node id such as !0a0b0c0d";
  if (at === null) return "at is no time in ms since 1970";
  if (typeof isRead !== "boolean") return "isRead is neither true nor false";
  if (texts.origin === "") return "it has no origin";
  const sender_name = short(texts.sender_name, NAME_BYTES) || sender;
  return {
    receiver,
    sender,
    sender_name,
    subject: short(texts.subject, SUBJECT_CHARS * 4),
    body: cleanBody(texts.body),
    at,
    isRead,
    origin: texts.origin,
  };
};

export const judgeChannel: Judge<NewChannel & { readonly origin: string }> = (row) => {
  const limits = { name: SUBJECT_CHARS, frequency: FIELD_CHARS, tone: FIELD_CHARS, place: FIELD_CHARS, notes: FIELD_CHARS };
  const texts = textsOf(row, { ...limits, author_name: FIELD_CHARS, origin: ORIGIN_CHARS });
  if (typeof texts === "string") return texts;
  const { author, is_verified = 0 } = row;
  if (author !== "" && !isNode(author)) return "author is neither empty nor a node id such as !0a0b0c0d";
  if (row.at !== 0 && timeOf(row.at) === null) return "at is no time in ms since 1970";
  if (is_verified !== 0 && is_verified !== 1) return "is_verified is neither 0 nor 1";
  if (texts.origin === "") return "it has no origin";
  const clean = (key: keyof typeof limits) => short(texts[key], FIELD_CHARS * 4);
  const facts = { name: clean("name"), frequency: clean("frequency"), tone: clean("tone"), place: clean("place"), notes: clean("notes") };
  if (facts.name === "") return "it has no name";
  return { ...facts, author, author_name: short(texts.author_name, NAME_BYTES), at: Number(row.at), is_verified, origin: texts.origin };
};

export const judgeName: Judge<ImportedName> = (row) => {
  const texts = textsOf(row, { long: FIELD_CHARS, short: FIELD_CHARS });
  if (typeof texts === "string") return texts;
  if (!isNode(row.node)) return "node is no node id such as !0a0b0c0d";
  const [long, brief] = [short(texts.long, NAME_BYTES), short(texts.short, NAME_BYTES)];
  return long === "" && brief === "" ? "it has no name" : { node: row.node, long, short: brief };
};

/** Why a stored row cannot have been written here; null: it can. */
export function storedBulletin(row: Fields): string | null {
  const thread = row.thread ?? null;
  if (thread !== null && !isCount(thread)) return "thread is no number";
  if (!isCount(row.replies ?? 0)) return "replies is no number";
  const author = row.author === "" ? "!00000000" : (row.author ?? null);
  return reasonOf(
    judgeBulletin({ ...row, subject: row.subject === "" ? "-" : (row.subject ?? null), author, ...origin(row) }, STORED_CHARS),
  );
}

export function storedLetter(row: Fields): string | null {
  const { is_read = 0, is_told = 0 } = row;
  if (![0, 1].includes(Number(is_read)) || ![0, 1].includes(Number(is_told))) return "is_read and is_told are 0 or 1";
  return reasonOf(judgeLetter({ ...row, isRead: is_read === 1, ...origin(row) }, STORED_CHARS));
}

export function storedChannel(row: Fields): string | null {
  return reasonOf(judgeChannel({ ...row, ...origin(row) }));
}

export function storedName({ folded, node, name }: Fields): string | null {
  if (typeof folded !== "string" || folded.length > FIELD_CHARS) return "folded is no name";
  return reasonOf(judgeName({ node: node ?? null, long: name ?? null }));
}

export function storedNode({ node, name }: Fields): string | null {
  return reasonOf(judgeName({ node: node ?? null, long: name === "" ? "-" : (name ?? null) }));
}

function reasonOf(judged: object | string): string | null {
  return typeof judged === "string" ? judged : null;
}

function origin({ origin: written }: Fields): { readonly origin: Json } {
  return { origin: written ?? "here" };
}

function isCount(value: Json | undefined): boolean {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The texts of a row, each at most so many characters long; why not. A missing one is "". */
function textsOf<K extends string>(row: Fields, limits: { readonly [key in K]: number }): { readonly [key in K]: string } | string {
  const texts: { [key: string]: string } = {};
  for (const [key, most] of Object.entries<number>(limits)) {
    const value = row[key] ?? "";
    if (typeof value !== "string") return `${key} is no text`;
    if (value.length > most) return `${key} has ${value.length} characters, at most ${most}`;
    texts[key] = value;
  }
  // Every key of `limits` was set above.
  return texts as { readonly [key in K]: string };
}

export function isFields(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNode(value: Json | undefined): value is string {
  return typeof value === "string" && NODE.test(value);
}

function timeOf(value: Json | undefined): number | null {
  const isTime = typeof value === "number" && Number.isInteger(value) && value >= OLDEST && value <= LATEST;
  return isTime ? value : null;
}
