/** What other sites stored, checked: a site may run another version of this plugin. */
import type { Json } from "zephyrgate";
import type { NewLetter } from "./mail/store.ts";

export interface SharedBulletin {
  readonly board: string;
  readonly subject: string;
  readonly body: string;
  readonly author: string;
  readonly author_name: string;
  /** ms since 1970. */
  readonly at: number;
  /** The key of the bulletin that it replies to. */
  readonly thread: string | null;
}

const NODE = /^![0-9a-f]{8}$/;
const AHEAD_MS = 26 * 3_600_000;

export function readBulletin(value: Json): SharedBulletin | null {
  const fields = fieldsOf(value);
  const [board, subject, body] = [text(fields.board, 40), text(fields.subject, 200), text(fields.body, 1_000)];
  const [author, author_name, at] = [text(fields.author, 9), text(fields.author_name, 60), time(fields.at)];
  const thread = fields.thread === null ? null : text(fields.thread, 60);
  if (board === null || subject === null || body === null || author === null || author_name === null || at === null) return null;
  if (author !== "" && !NODE.test(author)) return null;
  return thread === null && fields.thread !== null ? null : { board, subject, body, author, author_name, at, thread };
}

export function readLetter(value: Json): NewLetter | null {
  const fields = fieldsOf(value);
  const [receiver, sender, sender_name] = [text(fields.receiver, 9), text(fields.sender, 9), text(fields.sender_name, 60)];
  const [subject, body, at] = [text(fields.subject, 200), text(fields.body, 1_000), time(fields.at)];
  if (receiver === null || sender === null || !NODE.test(receiver) || !NODE.test(sender)) return null;
  return sender_name === null || subject === null || body === null || at === null
    ? null
    : { receiver, sender, sender_name, subject, body, at };
}

export function readHome(node: string, value: Json): { readonly node: string; readonly site: string; readonly name: string } | null {
  const fields = fieldsOf(value);
  const [site, name] = [text(fields.site, 64), text(fields.name, 60)];
  return !NODE.test(node) || site === null || name === null ? null : { node, site, name };
}

function fieldsOf(value: Json): { readonly [key: string]: Json | undefined } {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as { readonly [key: string]: Json }) : {};
}

function text(value: Json | undefined, characters: number): string | null {
  return typeof value === "string" && value.length <= characters ? value : null;
}

function time(value: Json | undefined): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 && value < Date.now() + AHEAD_MS ? value : null;
}
