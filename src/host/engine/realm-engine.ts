/** What a realm's code runs in, as its host sees it. */

/** One function of the realm's prelude per way in. */
export const ENTRIES = ["deliver", "adopt", "describe"] as const;
export type Entry = (typeof ENTRIES)[number];

/** The realm calls out with an operation number and a text; undefined, a text or bytes come back. Must not throw. */
export type HostFunction = (operation: number, text: string) => string | Uint8Array | undefined;

export type Ran =
  | { readonly ok: true; readonly text: string | null }
  | { readonly ok: false; readonly kind: "threw" | "interrupted" | "memory"; readonly text: string }
  | { readonly ok: false; readonly kind: "dead"; readonly text: string };

/** `expired` is asked every few thousand instructions; true cuts the run short. */
export interface RealmEngine {
  /** Why it can run nothing any more. */
  readonly dead: string | null;
  /** True while jobs (promise reactions, microtasks) wait. */
  readonly hasJobs: boolean;
  /** It runs elsewhere and has not finished what it was given: it takes nothing more until it says that it rests. */
  readonly isBusy?: boolean;
  /** Calls an entry of the prelude with a text. */
  call(entry: Entry, text: string, expired: () => boolean): Ran;
  /** Evaluates the plugin's module and hands its namespace (or the promise of it) to `adopt`. */
  load(name: string, source: string, expired: () => boolean): Ran;
  /** Runs at most `count` jobs. */
  runJobs(count: number, expired: () => boolean): Ran;
  /** Whether `bytes` can still be had; false means that the realm is about to fail everywhere. */
  hasRoom(bytes: number): boolean;
  /** Bytes of the JavaScript heap in use. */
  heapBytes(): number;
  /** The realm has ended. */
  close?(): void;
}

/** What an engine is made for. */
export interface EngineOrder {
  readonly plugin: string;
  readonly memoryMb: number;
  readonly host: HostFunction;
  /** What Date reads, ms since 1970; the system's clock when absent. */
  readonly now?: () => number;
  /** An engine that was busy is so no longer. */
  readonly rested: () => void;
}

/** Makes the engine of one realm. */
export type EngineFactory = (order: EngineOrder) => Promise<RealmEngine>;
