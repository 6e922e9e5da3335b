import type { Clock, Random } from "../../clock.ts";
import type { Result } from "../../errors.ts";
import type { Logger } from "../../log/logger.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import type { AirtimeConfig } from "../airtime/ledger.ts";
import type { NodeNumber } from "../ids.ts";
import type { MessageStatus } from "../outgoing.ts";
import type { Radio } from "../radio.ts";
import type { Route, WantedPlace } from "../routes.ts";

/** The settings of the `mesh` block that concern sending. */
export interface OutboxConfig {
  /** Least seconds between two texts on a link. */
  readonly text_spacing_s: number;
  readonly airtime: AirtimeConfig;
  /**
   * Whether a direct message that nobody acknowledged is sent again under a new id: it doubles the text where only the ack
   * was lost.
   */
  readonly retry_unheard: boolean;
}

export interface OutboxDeps {
  readonly database: CoreDatabase;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly config: OutboxConfig;
  radios(): readonly Radio[];
  /** Where a text goes when its request does not say. */
  routes(to: NodeNumber, wanted: WantedPlace): readonly Route[];
  /** While true nothing but emergencies is sent. */
  isSilenced?(): boolean;
  /** Every change of a message's state. Must not throw. */
  onStatus(status: MessageStatus): void;
  /** Runs it after the current work; setImmediate when absent. */
  soon?(run: () => void): void;
}

export interface Enqueued {
  readonly id: string;
  /** Resolves once the message is committed; sendMessage waits for it. A failure means that it will not be sent. */
  readonly stored: Promise<Result<null>>;
}

export interface WithdrawFilter {
  readonly plugin: string;
  /** Which of the plugin's waiting messages; all when absent. */
  where?(message: MessageStatus): boolean;
}

export interface OutboxStats {
  readonly queued: number;
  /** Since the start, as the next two. */
  readonly sent: number;
  readonly delivered: number;
  readonly failed: number;
  readonly oldestQueuedS: number | null;
}
