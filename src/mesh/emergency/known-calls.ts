import { formatNodeId } from "../ids.ts";
import type { TextMessage } from "../message.ts";
import type { AlertTarget } from "./alert.ts";
import type { Caller, OperatorAlerts } from "./operator-alerts.ts";
import type { SiteReach } from "./other-sites.ts";

/** Texts that are remembered, so that the same text heard at two sites alerts once; the oldest are forgotten. */
const KNOWN_MAX = 500;

/** What is known of one text of a person in need, wherever it was heard. */
interface KnownCall {
  /** Only another site heard it, so far. */
  isOfOtherSite: boolean;
  /** This gateway's own operators and channels. */
  targets: readonly AlertTarget[];
  /** Told when one of them was reached, or failed. */
  readonly watchers: Set<() => void>;
}

type Content = (place: AlertTarget["place"]) => string;

/** Alerts this gateway's operators of each text of a person in need once, whether it was heard here or at another site of the region. */
export class KnownCalls {
  readonly #calls = new Map<string, KnownCall>();

  constructor(private readonly alerts: OperatorAlerts) {}

  has(key: string): boolean {
    return this.#calls.has(key);
  }

  /** Starts the alerts, unless another site made this gateway do so already: then the call joins those. */
  heardHere(message: TextMessage, contentFor: Content, changed: () => void): readonly AlertTarget[] {
    const before = this.#calls.get(keyOf(message));
    if (before?.isOfOtherSite !== true) return this.#start(keyOf(message), message, contentFor, changed).targets;
    before.isOfOtherSite = false;
    before.watchers.add(changed);
    return before.targets;
  }

  /** `changed` is told who was reached here, also at once. */
  heardElsewhere(key: string, caller: Caller, content: string, changed: (reach: SiteReach) => void): void {
    const before = this.#calls.get(key);
    let known: KnownCall | undefined = before;
    const tell = (): void => changed(reachOf(known?.targets ?? []));
    if (before !== undefined) before.watchers.add(tell);
    else {
      known = this.#start(key, caller, () => content, tell);
      known.isOfOtherSite = true;
    }
    tell();
  }

  /** Goes on with alerts of the last run. */
  resume(key: string, targets: readonly AlertTarget[], changed: () => void): void {
    remember(this.#calls, key, { isOfOtherSite: false, targets, watchers: new Set([changed]) });
  }

  changed(key: string): void {
    for (const watcher of this.#calls.get(key)?.watchers ?? []) watcher();
  }

  #start(key: string, caller: Caller, contentFor: Content, changed: () => void): KnownCall {
    const known: KnownCall = { isOfOtherSite: false, targets: [], watchers: new Set([changed]) };
    remember(this.#calls, key, known);
    known.targets = this.alerts.start(caller, contentFor, () => {
      for (const watcher of known.watchers) watcher();
    });
    return known;
  }
}

/** The same at every site that hears the text; a packet without an id is known here alone. */
export function keyOf({ from, packetId, correlationId, text }: Pick<TextMessage, "from" | "packetId" | "correlationId" | "text">): string {
  // Radios that restart may use a packet id again.
  const content = new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 8);
  return `${formatNodeId(from)} ${packetId === 0 ? correlationId : packetId} ${content}`;
}

function reachOf(targets: readonly AlertTarget[]): SiteReach {
  const reached = targets.flatMap(({ name, text }) => (text.reach === "reached" ? [name] : []));
  return { reached, isSettled: targets.every(({ text }) => text.reach !== "pending") };
}

export function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= KNOWN_MAX) break;
    map.delete(oldest);
  }
}
