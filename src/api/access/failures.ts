import { isIP } from "node:net";
import type { Clock } from "../../clock.ts";

/** Addresses that are remembered; an attacker with more of them forgets its own first. */
const MAX_ADDRESSES = 1024;
/** After so long without a failure an address starts anew. */
const FORGET_MS = 60 * 60_000;
/** Failures that cost nothing, such as a mistyped password. */
const FREE = 5;
const FIRST_WAIT_MS = 5_000;
const LONGEST_WAIT_MS = 15 * 60_000;

interface Failed {
  readonly count: number;
  readonly at: number;
}

/** Failed sign-ins by address. After a few of them the address waits, longer with each further one. */
export class Failures {
  readonly #failed = new Map<string, Failed>();

  constructor(private readonly clock: Clock) {}

  /** Milliseconds until this address may try again; 0: now. */
  wait(address: string): number {
    const failed = this.#get(address);
    if (failed === null || failed.count < FREE) return 0;
    const pause = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failed.count - FREE));
    return Math.max(0, failed.at + pause - this.clock.monotonic());
  }

  add(address: string): void {
    const key = networkOf(address);
    const count = (this.#get(address)?.count ?? 0) + 1;
    this.#failed.delete(key);
    this.#failed.set(key, { count, at: this.clock.monotonic() });
    const oldest = this.#failed.keys().next().value;
    if (this.#failed.size > MAX_ADDRESSES && oldest !== undefined) this.#failed.delete(oldest);
  }

  forget(address: string): void {
    this.#failed.delete(networkOf(address));
  }

  get size(): number {
    return this.#failed.size;
  }

  #get(address: string): Failed | null {
    const failed = this.#failed.get(networkOf(address));
    return failed === undefined || this.clock.monotonic() - failed.at > FORGET_MS ? null : failed;
  }
}

/** One customer of an IPv6 network has at least a /64, so all of it counts as one address. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const plain = address.split("%", 1)[0] ?? address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = plain.split("::", 2);
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - last.length);
  const groups = [...first, ...Array<string>(zeros).fill("0"), ...last];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")}::/64`;
}
