/** What became of one of our messages, as a mark and in words. */
import type { MessageView } from "../api/types.ts";
import { words } from "./format.tsx";

/** Why a message waits. */
const HELD: Readonly<Record<string, string>> = {
  storing: "it is being stored",
  no_link: "no link that reaches the destination is up",
  channel_busy: "the radio channel is busy",
  duty_cycle: "the region's duty cycle is used up",
  plugin_share: "the plugin has used its share of the airtime",
  channel_share: "the channel's share of the airtime is used up",
  link_share: "the link's share of the airtime is used up",
  total_share: "the gateway's airtime is used up",
  spacing: "the pause between two texts",
  radio_busy: "the radio's own queue is full",
  no_report: "the radio has not confirmed the text before",
  earlier_part: "an earlier part is not through yet",
  retry: "nobody confirmed it; it will be sent again",
  turn: "others come first",
  silenced: "transmissions are silenced",
};

/** Why a message failed. */
const FAILED: Readonly<Record<string, string>> = {
  expired: "it could not be sent in time",
  withdrawn: "it was taken back, or its sender lost the right to send",
  no_link: "its link is not configured any more",
  no_channel: "the radio has no such channel",
  too_large: "the radio calls it too large",
  no_key: "the destination's public key is unknown or does not fit",
  not_heard: "sent as often as allowed, and nobody acknowledged it",
  unconfirmed: "nothing was heard of it in time; it may have arrived",
  no_route: "the mesh found no way to the destination",
  refused: "the radio refused it",
  storage: "it could not be stored",
};

/** One sentence: the state, and why. */
export function deliveryText({ state, held, reason, code, final, note, to }: MessageView): string {
  const late = note === "acknowledged_late" ? "; it was acknowledged late, so it has arrived" : "";
  if (state === "queued") return `Waits: ${HELD[held ?? ""] ?? words(held ?? "for its turn")}`;
  if (state === "failed")
    return `Failed: ${FAILED[reason ?? ""] ?? words(reason ?? "unknown reason")}${code === null ? "" : ` (code ${code})`}${late}`;
  if (state === "sent")
    return to === "broadcast" && final
      ? "Sent to the channel"
      : held === undefined
        ? "Sent; not confirmed yet"
        : `Sent in part; waits: ${HELD[held] ?? words(held)}`;
  if (state === "relayed") return "Relayed by another node; not confirmed by the destination yet";
  return "Delivered: the destination acknowledged it";
}

const MARKS = {
  queued: { mark: "◷", tone: "warn" },
  sent: { mark: "✓", tone: "plain" },
  relayed: { mark: "✓↗", tone: "info" },
  delivered: { mark: "✓✓", tone: "good" },
  failed: { mark: "✕", tone: "bad" },
} as const;

export function DeliveryMark({ message, full = false }: { readonly message: MessageView; readonly full?: boolean }) {
  const { mark, tone } = MARKS[message.state];
  const text = deliveryText(message);
  return (
    <span class={`delivery ${tone}`} data-state={message.state} title={text}>
      <span aria-hidden="true">{mark}</span> <span class={full ? "" : "only-read"}>{text}</span>
    </span>
  );
}
