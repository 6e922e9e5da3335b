import type { LinkView } from "../../api/types.ts";
import { Badge, Card, Meter, type Tone } from "../../parts/card.tsx";
import { Duration, percent, words } from "../../parts/format.tsx";
import { nodeName, status } from "../../state/facts.ts";

const TONES: Readonly<Record<LinkView["state"], Tone>> = {
  up: "good",
  connecting: "warn",
  configuring: "warn",
  waiting: "bad",
  stopped: "bad",
};
/** From here on only what is urgent is sent, and then nothing: the defaults of mesh.airtime. */
const BUSY = [0.25, 0.4];

export function Links() {
  return (
    <Card title="Radio links" wide>
      <ul class="links">
        {(status.value?.links ?? []).map((link) => (
          <Link key={link.name} link={link} />
        ))}
      </ul>
    </Card>
  );
}

function Link({ link }: { readonly link: LinkView }) {
  const { name, type, target, state, reason, since, own_node, region, modem_preset, counters } = link;
  const facts = [region, modem_preset && words(modem_preset.toLowerCase()), own_node && nodeName(own_node)].filter(Boolean);
  return (
    <li data-link={name}>
      <div class="row">
        <strong>{name}</strong>
        <Badge tone={TONES[state]}>{state === "waiting" ? "down" : words(state)}</Badge>
        <span class="hint">
          for <Duration since={since} />
        </span>
      </div>
      <div class="hint">
        {type} {target}
        {facts.length > 0 && `, ${facts.join(", ")}`}
      </div>
      {reason !== undefined && <p class="problem">{reason}</p>}
      <Air link={link} />
      <div class="hint">
        {counters.packets_in} packets in, {counters.packets_out} out, {counters.reconnects} reconnects
      </div>
    </li>
  );
}

/** How busy the radio channel is, and how much of it we use. The radio measures it every few minutes. */
function Air({ link: { name, channel_utilization, air_util_tx, duty_cycle, state } }: { readonly link: LinkView }) {
  if (channel_utilization === undefined) return null;
  const limit = duty_cycle === undefined ? "" : ` of ${percent(duty_cycle).replace(" ", "\u00a0")}`;
  return (
    <div class="gauges">
      <div>
        <span>Channel busy</span> <strong>{percent(channel_utilization)}</strong>
        {state !== "up" && <span class="hint"> before the link went down</span>}
        <Meter label={`Channel of ${name} busy`} share={channel_utilization} marks={BUSY} />
      </div>
      {air_util_tx !== undefined && (
        <div>
          <span>Our transmissions</span> <strong>{percent(air_util_tx)}</strong>
          <span class="hint">{limit}</span>
          <Meter
            label={`Transmissions of ${name}`}
            share={duty_cycle === undefined ? air_util_tx : air_util_tx / duty_cycle}
            marks={[0.5, 0.9]}
          />
        </div>
      )}
    </div>
  );
}
