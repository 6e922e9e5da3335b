import type { Clock } from "../../clock.ts";
import type { CoreBus } from "../../events/core.ts";
import type { LinkStatus } from "../../mesh/link-status.ts";

/** After the start, how long a text for an unknown channel waits for radios that have never been connected; ms. */
const START_MS = 60_000;
/** Less than a handler's usual time, ms. */
const PATIENCE_MS = 8_000;

export interface ChannelsToldDeps {
  readonly clock: Clock;
  readonly bus: CoreBus;
  links(): readonly Pick<LinkStatus, "name" | "channels">[];
}

/**
 * Lets a text for a channel that nobody knows wait at the start, while a radio has not told its channels yet: it would work a second
 * later. Resolves when a link comes up, after a while, or at once where there is nothing to wait for; says whether it waited.
 */
export function channelsTold({ clock, bus, links }: ChannelsToldDeps): (signal?: AbortSignal) => Promise<boolean> {
  const began = clock.monotonic();
  return async (signal) => {
    const silent = () => links().filter(({ channels }) => channels.length === 0).length;
    const before = silent();
    if (before === 0 || clock.monotonic() - began > START_MS || signal?.aborted === true) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = clock.after(PATIENCE_MS, resolve);
    const subscription = bus.on("link_state", () => {
      if (silent() < before) resolve();
    });
    signal?.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    timer.cancel();
    subscription.dispose();
    return true;
  };
}
