/**
 * What one site knows of a call for help, as it tells the others: each site says this for itself alone, so nobody speaks for
 * another. All of it is checked here: a site may run another version, or be hostile.
 */
import type { Json } from "zephyrgate";
import { type Kind, type Outcome, plainText } from "../incident.ts";

export interface View {
  readonly sender: string;
  readonly name: string;
  readonly kind: Kind;
  readonly drill: number;
  /** What the sender wrote first, and that with what it wrote later. */
  readonly called: string;
  readonly text: string;
  /** When the site learned of it, ms since 1970. */
  readonly at: number;
  /** Whoever has the highest looks after the sender; 0: it never heard the sender. */
  readonly turn: number;
  /** Texts of the sender that it heard, and the packet id of the last. */
  readonly heard: number;
  readonly packet: number;
  /** Latitude, longitude, when. */
  readonly place: readonly [number, number, number] | null;
  readonly answers: readonly SiteAnswer[];
  readonly notes: readonly SiteNote[];
  readonly places: readonly (readonly [at: number, latitude: number, longitude: number])[];
  /** Nodes that it has alerted: `r` reached, `p` under way, `f` not reached. */
  readonly alerted: Readonly<Record<string, string>>;
  /** Channels of responders on which it was sent. */
  readonly channels: readonly string[];
  /** How it ended at this site; null: it did not. */
  readonly closed: Closing | null;
  /** It is over, as another site says. */
  readonly isOver: boolean;
}

/** Responder 1, anybody else 0; when by the site's clock. */
export type SiteAnswer = readonly [node: string, name: string, what: "ack" | "coming", responder: number, at: number];
/** `who` "": the gateway. `isSender`: it is the sender's. */
export type SiteNote = readonly [at: number, who: string, text: string, isSender: boolean];

export interface Closing {
  readonly outcome: Outcome;
  readonly by: string;
  /** Whether the sender took it back. */
  readonly isOwn: boolean;
  readonly note: string;
  readonly at: number;
}

/** A site that counts higher is no honest one. */
export const TURN_MAX = 10_000;
export const ANSWERS_MAX = 12;
export const NOTES_MAX = 12;
export const PLACES_MAX = 8;
const ALERTED_MAX = 40;
const NODE = /^![0-9a-f]{8}$/;
const KEY = /^case\/(![0-9a-f]{8})\/([0-9a-z]{1,16})$/;
const KINDS: ReadonlySet<string> = new Set(["sos", "sosp", "sosf", "sosm"] satisfies Kind[]);
const OUTCOMES: ReadonlySet<string> = new Set(["cleared", "cancelled", "expired"] satisfies Outcome[]);

/** The same at every site that hears this packet; one without an id has the time in its place. */
export function keyOf(sender: string, packet: number, at: number): string {
  return `case/${sender}/${packet === 0 ? `t${at.toString(36)}` : packet.toString(16).padStart(8, "0")}`;
}

/** The sender and the packet of a key; packet 0: it had none. Null: it is no key. */
export function readKey(key: string): { readonly sender: string; readonly packet: number } | null {
  const [, sender, packet = ""] = KEY.exec(key) ?? [];
  if (sender === undefined) return null;
  return { sender, packet: /^[0-9a-f]{8}$/.test(packet) ? Number.parseInt(packet, 16) : 0 };
}

/** Twelve digits that the key alone decides, so that all sites use the same number; it is as long of them as makes it the only one. */
export function digitsOf(key: string): string {
  return `${100_000 + (hash(key, 0x811c9dc5) % 900_000)}${String(hash(key, 0x01234567) % 1_000_000).padStart(6, "0")}`;
}

/** FNV-1a. */
function hash(text: string, seed: number): number {
  let value = seed;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return (value ^ (value >>> 15)) >>> 0;
}

/** Null: it is no view of a call by this sender. */
export function readView(value: Json, sender: string): View | null {
  const all = fieldsOf(value);
  const [name, kind, called, text] = [words(all.name, 60), word(all.kind, KINDS), words(all.called, 240), words(all.text, 300)];
  const [at, turn, heard, packet] = [count(all.at), count(all.turn), count(all.heard), count(all.packet)];
  if (name === null || kind === null || called === null || text === null) return null;
  if (at === null || turn === null || turn > TURN_MAX || heard === null || packet === null) return null;
  const place = listOf(all.place, 3).map(number);
  const [latitude, longitude, when] = place;
  return {
    ...{ sender, name, kind: kind as Kind, called, text, at, turn, heard, packet },
    drill: all.drill === 1 ? 1 : 0,
    place:
      place.length === 3
        ? (readPlace([when ?? null, latitude ?? null, longitude ?? null]).map(([a, b, c]) => [b, c, a] as const)[0] ?? null)
        : null,
    answers: listOf(all.answers, ANSWERS_MAX).flatMap(readAnswer),
    notes: listOf(all.notes, NOTES_MAX).flatMap(readNote),
    places: listOf(all.places, PLACES_MAX).flatMap(readPlace),
    alerted: readAlerted(all.alerted),
    channels: listOf(all.channels, 5).flatMap((each) => words(each, 60) ?? []),
    closed: readClosing(all.closed),
    isOver: all.isOver === true,
  };
}

function readAnswer(value: Json): SiteAnswer[] {
  const [node, name, what, responder, at] = listOf(value, 5);
  const named = words(name, 60);
  const when = count(at);
  if (typeof node !== "string" || !NODE.test(node) || named === null || when === null) return [];
  return what === "ack" || what === "coming" ? [[node, named, what, responder === 1 ? 1 : 0, when]] : [];
}

function readNote(value: Json): SiteNote[] {
  const [at, who, text, isSender] = listOf(value, 4);
  const [when, name, said] = [count(at), words(who, 60), words(text, 300)];
  return when === null || name === null || said === null ? [] : [[when, name, said, isSender === true]];
}

function readPlace(value: Json): [number, number, number][] {
  const [at, latitude, longitude] = listOf(value, 3).map(number);
  if (typeof at !== "number" || typeof latitude !== "number" || typeof longitude !== "number") return [];
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? [[at, latitude, longitude]] : [];
}

function readAlerted(value: Json | undefined): Record<string, string> {
  const entries = Object.entries(fieldsOf(value)).slice(0, ALERTED_MAX);
  return Object.fromEntries(entries.flatMap(([node, state]) => (NODE.test(node) && isState(state) ? [[node, state]] : [])));
}

function readClosing(value: Json | undefined): Closing | null {
  const { outcome, by, isOwn, note, at } = fieldsOf(value);
  const [how, name, said, when] = [word(outcome, OUTCOMES), words(by, 60), words(note, 120), count(at)];
  if (how === null || name === null || said === null || when === null) return null;
  return { outcome: how as Outcome, by: name, isOwn: isOwn === true, note: said, at: when };
}

function isState(value: Json | undefined): value is "r" | "p" | "f" {
  return value === "r" || value === "p" || value === "f";
}

function fieldsOf(value: Json | undefined): { readonly [key: string]: Json | undefined } {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as { readonly [key: string]: Json }) : {};
}

function listOf(value: Json | undefined, max: number): readonly Json[] {
  return Array.isArray(value) ? value.slice(0, max) : [];
}

function words(value: Json | undefined, characters: number): string | null {
  return typeof value === "string" && value.length <= characters ? plainText(value) : null;
}

function word(value: Json | undefined, known: ReadonlySet<string>): string | null {
  return typeof value === "string" && known.has(value) ? value : null;
}

function number(value: Json | undefined): number | null {
  return typeof value === "number" ? value : null;
}

function count(value: Json | undefined): number | null {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value < 2 ** 48 ? value : null;
}
