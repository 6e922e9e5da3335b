/**
 * What crosses the realm's boundary: JSON only. Types alone, so that the realm's bundle stays small; whoever receives
 * such a value from the other side checks it against a Valibot schema of its own room.
 */

import type { Json } from "../../json.ts";

/** What a plugin can register; each kind has its own handler. */
export type RegistrationKind = "command" | "keyword" | "message" | "task" | "menu" | "plugin_message" | "event" | "region";

/** `id` is chosen by the realm, unique in its life; the gateway names it when it calls the handler. */
export type Registration =
  | {
      kind: "command";
      id: number;
      name: string;
      help?: string;
      usage?: string;
      priority?: number;
      aliases?: string[];
      adminOnly?: boolean;
    }
  | { kind: "keyword"; id: number; pattern: string; help?: string; priority?: number; adminOnly?: boolean }
  | {
      kind: "message";
      id: number;
      priority?: number;
      kinds?: ("text" | "position" | "telemetry" | "node_info" | "waypoint" | "traceroute" | "neighbor_info")[];
    }
  | {
      kind: "task";
      id: number;
      name: string;
      /** Seconds. */
      interval?: number;
      cron?: string;
      timezone?: string;
      runAtStart?: boolean;
      catchUp?: boolean;
    }
  | {
      kind: "menu";
      id: number;
      menu: string;
      label: string;
      command?: string;
      description?: string;
      adminOnly?: boolean;
      order?: number;
      /** Command of the item under which this one hangs. */
      parent?: string;
    }
  | { kind: "plugin_message"; id: number }
  | { kind: "event"; id: number; type: string }
  | { kind: "region"; id: number; topic: string };

/** Arguments of `send_message`: SendOptions with the text. */
export interface SendArgs {
  content: string;
  /** Node number, `!hex8`, exact name, or `broadcast`. */
  destination?: string | number;
  /** Index 0-7 or exact name. */
  channel?: number | string;
  replyTo?: number;
  /** A reaction to `replyTo`. */
  react?: boolean;
  hopLimit?: number;
  priority?: "low" | "normal" | "high" | "emergency";
  wantAck?: boolean;
}

/** Arguments of `http_request`: one request, redirects included. */
export interface HttpArgs {
  method: string;
  url: string;
  headers?: Record<string, string>;
  body?: string;
  /** Seconds. */
  timeout?: number;
  /** fetch() takes any status as an outcome; httpGet and httpPost take >= 400 as an error. */
  anyStatus?: boolean;
  /** `always`: the body as bytes; `other`: only where it is not UTF-8, beside the text. */
  bytes?: "always" | "other";
}

/** What became of a request: the server's answer, or why there is none. */
export type HttpOutcome =
  | { ok: true; status: number; headers: Record<string, string>; body: string; bytes?: string; url: string }
  | {
      ok: false;
      error: {
        code: string;
        message: string;
        status?: number;
        retryAfter?: number;
        /** Of an answer of 400 and above. */
        headers?: Record<string, string>;
        body?: string;
      };
    };

/** A site of the region, as a plugin sees it. */
export interface RegionSite {
  /** Names the site for good: 32 lower-case hex digits. */
  readonly id: string;
  /** As in that site's configuration; an operator may change it. */
  readonly name: string;
  /** The gateway that this plugin runs in. */
  readonly isSelf: boolean;
  /** Whether a message would reach it now. */
  readonly isOnline: boolean;
  /** When it was heard last, ms since 1970; null: never. */
  readonly heardAt: number | null;
}

/** A value of the shared store, with the site that wrote it. */
export interface SharedEntry {
  readonly key: string;
  readonly value: Json;
  /** Who wrote it, checked by the gateway: the site's id, which stays, and its name, which an operator may change. */
  readonly site: { readonly id: string; readonly name: string };
  /** This gateway wrote it. */
  readonly isSelf: boolean;
  /** The site's own value, which no other site can change; else the one that all sites write. */
  readonly isOwn: boolean;
}

/** One page of the shared store. */
export interface SharedPage {
  readonly entries: readonly SharedEntry[];
  /** For `after`, to read on; null: there is no more. */
  readonly next: string | null;
}

/** Deno's three states. */
export type PermissionState = "granted" | "denied" | "prompt";

/** How an error crosses in either direction. Never a host's stack inwards. */
export interface WireError {
  /** The class: `PermissionDenied`, `TypeError`, ... */
  name: string;
  message: string;
  /** From the realm outwards only: engine's stack, lines of the bundle. */
  stack?: string;
  code?: string;
  hint?: string;
  permission?: string;
  scope?: Json;
}

/** What a handler is called with; the sdk makes a Context of it. */
export interface WireContext {
  senderId: string;
  senderName: string;
  senderProfile: Json;
  channel: number;
  isDirect: boolean;
  isOperator: boolean;
  /** ms since 1970; the sdk makes a Date of it. */
  timestamp: number;
  message: Json;
  sessionData: { readonly [key: string]: Json };
  correlationId: string;
  /** Answers to the handler's questions so far, when it runs again after its process was restarted; null: none came. */
  answers?: readonly (string | null)[];
}

/** A handler's question to its sender. It ends the call; the answer continues the handler in a new one. */
export interface WireQuestion {
  /** Names the question within its realm. */
  dialogue: number;
  question: string;
  timeoutS: number;
}
