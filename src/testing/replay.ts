import { replayFiles } from "../debugger/replay/run.ts";
import { replayLines } from "../debugger/replay/words.ts";
import type { Json } from "../json.ts";

/** How a call ended: with a value (a reply, or null), or with an error. */
export type ReplayedOutcome =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly error: { readonly name: string; readonly message: string; readonly stack?: string } };

/** What came of a recording that was run again. */
export interface ReplayResult {
  /** No call fails or ends otherwise than it did well before, and the recording had an answer to all that was asked. */
  readonly isGood: boolean;
  /** Each call, such as `command quiz`, as it ended then and now; null: it had not ended. */
  readonly calls: readonly {
    readonly what: string;
    readonly recorded: ReplayedOutcome | null;
    readonly now: ReplayedOutcome | null;
    readonly isGood: boolean;
  }[];
  /** What the plugin asked that the recording has no answer to. */
  readonly missing: readonly string[];
  /** What it logged now. */
  readonly logs: readonly { readonly level: string; readonly message: string }[];
  /** For people: each call on a line, and the verdict; good as the message of a failed expectation. */
  readonly report: string;
}

/**
 * Runs a plugin again on a recording of `zephyrgate record`: the same calls, clock, random numbers and answers. Throws
 * GatewayError where the plugin does not load or the file is no recording of it.
 * @example
 * test("the crash of last Tuesday", async () => {
 *   const replay = await replayRecording({ plugin: `${import.meta.dir}/..`, file: `${import.meta.dir}/tuesday.zgr` });
 *   expect(replay.isGood, replay.report).toBe(true);
 * });
 */
export async function replayRecording(options: { readonly plugin: string; readonly file: string }): Promise<ReplayResult> {
  const played = await replayFiles({ folder: options.plugin, file: options.file });
  if (!played.ok) throw played.error;
  const { isGood, calls, missing, logs } = played.value;
  return { isGood, calls, missing, logs, report: replayLines(played.value).join("\n") };
}
