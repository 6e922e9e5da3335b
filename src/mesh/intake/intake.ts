import { namesChannel } from "../../channels.ts";
import { markHop } from "../../hops.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import type { Emergencies, EmergencyMark } from "../emergency/emergencies.ts";
import type { ChannelIndex, NodeNumber } from "../ids.ts";
import type { MeshMessage } from "../message.ts";
import type { LoopGuard } from "./loop-guard.ts";
import { SeenPackets } from "./seen-packets.ts";

/** Who is not heard. */
export interface IntakePolicy {
  readonly ban: readonly NodeNumber[];
  /** A name: that channel of any link. `LINK/INDEX`: one channel. An index: that channel of every link. */
  readonly ignore_channels: readonly (number | string)[];
  readonly direct_only: boolean;
}

/** A message that may be handled. */
export interface Admitted {
  readonly message: MeshMessage;
  readonly emergency: EmergencyMark;
  /** True: another program wrote it, so it is not answered. */
  readonly isFromBot: boolean;
}

export interface IntakeDeps {
  readonly database: CoreDatabase;
  /** Asked for each message: it may change. */
  policy(): IntakePolicy;
  readonly emergencies: Pick<Emergencies, "receive">;
  readonly loops: Pick<LoopGuard, "judge">;
  /** Whether it is a node that the gateway is attached to. */
  isOwn(node: NodeNumber): boolean;
  /** The name of a channel on a link; "" when it has none. */
  channelName(link: string, index: ChannelIndex): string;
  accept(admitted: Admitted): void;
}

const NO_EMERGENCY: EmergencyMark = { kind: "none" };

/**
 * The gate between the radio links and the rest of the gateway. What the operator banned or ignores, what was heard before
 * and what muted nodes send ends here: no event tells of it and no plugin hears it. A cry for help is acted on all the same.
 */
export class Intake {
  readonly counts = { received: 0, duplicates: 0, banned: 0, ignored: 0, muted: 0 };
  readonly #seen: SeenPackets;

  constructor(private readonly deps: IntakeDeps) {
    this.#seen = new SeenPackets(deps.database);
  }

  /** Takes a message from a link. Synchronous; what handles it must not throw. */
  receive(message: MeshMessage): void {
    if (this.deps.isOwn(message.from)) return;
    markHop("message");
    if (!this.#seen.first(message.from, message.packetId, message.kind === "text")) {
      this.counts.duplicates++;
      return;
    }
    const policy = this.deps.policy();
    const isBanned = policy.ban.includes(message.from);
    const emergency = message.kind === "text" ? this.deps.emergencies.receive(message, isBanned) : NO_EMERGENCY;
    if (isBanned) this.counts.banned++;
    else if (!message.isDirect && this.#isIgnored(message, policy)) this.counts.ignored++;
    else this.#admit(message, emergency);
  }

  #admit(message: MeshMessage, emergency: EmergencyMark): void {
    const author = message.kind === "text" ? this.deps.loops.judge(message) : "person";
    if (author === "muted" && emergency.kind === "none") {
      this.counts.muted++;
      return;
    }
    this.counts.received++;
    this.deps.accept({ message, emergency, isFromBot: author !== "person" });
  }

  #isIgnored({ kind, link, channel }: MeshMessage, { direct_only, ignore_channels }: IntakePolicy): boolean {
    if (kind === "text" && direct_only) return true;
    if (ignore_channels.length === 0) return false;
    const heard = { link, index: channel, name: this.deps.channelName(link, channel) };
    return ignore_channels.some((word) => namesChannel(word, heard));
  }
}
