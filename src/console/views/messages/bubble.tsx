import type { MessageView } from "../../api/types.ts";
import { Badge } from "../../parts/card.tsx";
import { DeliveryMark } from "../../parts/delivery.tsx";
import { Clock, Stranger } from "../../parts/format.tsx";
import { addressOf } from "../../state/address.ts";
import { nodeName, openAlerts } from "../../state/facts.ts";
import { consequences, type Entry } from "../../state/messages.ts";

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
  const isSos = openAlerts.value.some(({ code, message: text }) => code === "emergency" && text.includes(message.from));
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
        <Answers correlationId={message.correlation_id} />
      </div>
    </article>
  );
}

/** What was sent because of this text. */
function Answers({ correlationId }: { readonly correlationId: string }) {
  const answers = consequences.value.get(correlationId) ?? [];
  if (answers.length === 0) return null;
  return (
    <>
      {answers.map((answer) => (
        <span key={answer.id} class="answer">
          answered by {answer.sender.plugin ?? answer.sender.kind} <DeliveryMark message={answer} />
        </span>
      ))}
    </>
  );
}
