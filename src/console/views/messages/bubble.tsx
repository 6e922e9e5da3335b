import type { MessageView } from "../../api/types.ts";
import { Badge } from "../../parts/card.tsx";
import { DeliveryMark } from "../../parts/delivery.tsx";
import { Clock, Stranger } from "../../parts/format.tsx";
import { printable } from "../../parts/printable.ts";
import { addressOf } from "../../state/address.ts";
import { nodeName, openAlerts } from "../../state/facts.ts";
import { consequences, type Decision, decisions, type Entry } from "../../state/messages.ts";

/** Why an answer was not sent. */
const SUPPRESSED: Readonly<Record<NonNullable<Decision["suppressed"]>[number]["reason"], string>> = {
  answered_elsewhere: "another gateway had answered",
  sender_budget: "its sender's budget of answers is used up",
  channel_rate: "the channel's rate of answers is used up",
  sender_rate: "its sender asks too often",
  refused: "refused",
  failed: "the plugin failed",
  busy: "the plugin has too much to do",
  unknown_command: "no such command, and the sender was told already",
  stale: "it was too old",
  from_program: "it came from another program",
};

/** A call and the alert that it raised are not stamped at one moment. */
const SAME_TIME_MS = 5_000;

/** One text. */
export function Bubble({ entry }: { readonly entry: Entry }) {
  return entry.kind === "sent" ? <Sent message={entry.message} /> : <Received entry={entry} />;
}

function Sent({ message }: { readonly message: MessageView }) {
  const by = message.sender.plugin ?? (message.sender.kind === "operator" ? "Operator" : "Gateway");
  return (
    <article class="bubble ours" data-id={message.id} aria-label={`Sent by ${by}`}>
      <div class="bubble-head">
        <span class="who">{by}</span>
        {message.parts > 1 && <span class="hint">{message.parts} parts</span>}
        <Clock at={message.queued_at} />
      </div>
      <Stranger text={message.text} block />
      <div class="bubble-foot">
        <DeliveryMark message={message} full />
      </div>
    </article>
  );
}

function Received({ entry: { message } }: { readonly entry: Entry & { kind: "received" } }) {
  const facts = [
    message.hops_away === undefined
      ? null
      : message.hops_away === 0
        ? "heard directly"
        : `${message.hops_away} ${message.hops_away === 1 ? "hop" : "hops"}`,
    message.snr === undefined ? null : `SNR ${message.snr} dB`,
  ].filter((fact) => fact !== null);
  const isSos = openAlerts.value.some(
    ({ code, message: text, time }) =>
      code === "emergency" && text.includes(message.from) && Date.parse(message.received_at) >= Date.parse(time) - SAME_TIME_MS,
  );
  return (
    <article class={isSos ? "bubble theirs sos" : "bubble theirs"} aria-label={`From ${nodeName(message.from)}`}>
      <div class="bubble-head">
        <a class="who cut" href={addressOf("nodes", message.from)}>
          <Stranger text={nodeName(message.from)} />
        </a>
        {isSos && <Badge tone="bad">SOS, not acknowledged</Badge>}
        <Clock at={message.received_at} />
      </div>
      <Stranger text={message.text} block />
      <div class="bubble-foot">
        <span class="hint">{facts.join(", ")}</span>
        <Answers message={message} />
      </div>
    </article>
  );
}

/** What was sent because of this text. */
function Answers({ message }: { readonly message: (Entry & { kind: "received" })["message"] }) {
  const answers = consequences.value.get(message.correlation_id) ?? [];
  const { outcome, suppressed } = decisions.value.get(message.correlation_id) ?? { suppressed: [], ...message };
  // What is no question to us needs no explanation.
  const isLeft = message.is_direct && answers.length === 0 && suppressed?.length === 0 && (outcome === "unhandled" || outcome === "silent");
  return (
    <>
      {suppressed?.map(({ plugin, reason, detail }) => (
        <span key={`${plugin}/${reason}`} class="answer warn" data-suppressed={reason}>
          {plugin ?? "gateway"}: not answered, {SUPPRESSED[reason]}
          {detail !== undefined && ` (${printable(detail)})`}
        </span>
      ))}
      {isLeft && <span class="answer">{outcome === "silent" ? "handled without an answer" : "nobody answers this"}</span>}
      {answers.map((answer) => (
        <span key={answer.id} class="answer">
          answered by {answer.sender.plugin ?? answer.sender.kind} <DeliveryMark message={answer} />
        </span>
      ))}
    </>
  );
}
