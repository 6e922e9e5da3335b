import type { Clock } from "../../clock.ts";
import type { CoreBus } from "../../events/core.ts";
import type { LinkStatus } from "../../mesh/link-status.ts";

/** Every message asks for these names; they change with a link's state, and otherwise rarely. */
const CACHED_MS = 250;

/** Channel names and own node numbers of all links, cached for {@link CACHED_MS}. */
export class LinkNames {
  #cached: readonly LinkStatus[] = [];
  #until = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly deps: { readonly clock: Clock; readonly bus: CoreBus },
    private readonly read: () => readonly LinkStatus[],
  ) {
    deps.bus.on("link_state", () => {
      this.#until = Number.NEGATIVE_INFINITY;
    });
  }

  /** The name of a channel on one link; "" when it has none. */
  channelOn(link: string, index: number): string {
    const channels = this.links().find(({ name }) => name === link)?.channels ?? [];
    return channels.find((channel) => channel.index === index)?.name ?? "";
  }

  /** Numbers of the nodes that the gateway is attached to. */
  ownNodes(): readonly number[] {
    return this.links().flatMap((link) => link.ownNode ?? []);
  }

  links(): readonly LinkStatus[] {
    const now = this.deps.clock.monotonic();
    if (now >= this.#until) {
      this.#cached = this.read();
      this.#until = now + CACHED_MS;
    }
    return this.#cached;
  }
}
