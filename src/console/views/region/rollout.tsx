import { useState } from "preact/hooks";
import { call } from "../../api/call.ts";
import type { RolloutView } from "../../api/types.ts";
import { Badge, Card, type Tone } from "../../parts/card.tsx";
import { Age, Stranger, words } from "../../parts/format.tsx";
import { Icon } from "../../parts/icon.tsx";
import { useLoaded } from "../../parts/loaded.ts";
import { may } from "../../state/me.ts";
import { valueOrTell } from "../../state/notices.ts";
import { StartRollout } from "./start-rollout.tsx";

const STATES: Readonly<Record<RolloutView["state"], readonly [tone: Tone, word: string]>> = {
  running: ["info", "goes on"],
  watching: ["info", "runs there, watched"],
  done: ["good", "done"],
  halted: ["bad", "halted"],
};
const TONES: Readonly<Partial<Record<RolloutView["sites"][number]["step"], Tone>>> = {
  running: "good",
  returned: "good",
  refused: "bad",
  failed: "bad",
};

/** A plugin on its way to the other sites: how far it is; an operator with the rights begins, halts and takes it back. */
export function Rollout({ turn }: { readonly turn: unknown }) {
  const loaded = useLoaded<{ readonly rollout: RolloutView | null }>("region/rollout", turn);
  const [isStarting, setStarting] = useState(false);
  const rollout = loaded.value?.rollout ?? null;
  const isOn = rollout?.state === "running" || rollout?.state === "watching";
  return (
    <Card title="Rollout" aside={rollout !== null && <State of={rollout} />} wide>
      {rollout === null ? <p class="hint">No plugin was rolled out from here.</p> : <Progress of={rollout} />}
      {may("admin") && (
        <div class="actions">
          {!isOn && (
            <button type="button" id="rollout-start" onClick={() => setStarting(true)}>
              <Icon name="upload" /> Roll a plugin out
            </button>
          )}
          {rollout !== null && <Decide of={rollout} isOn={isOn} done={(value) => loaded.set({ rollout: value })} />}
        </div>
      )}
      {isStarting && <StartRollout close={() => setStarting(false)} begun={(value) => loaded.set({ rollout: value })} />}
    </Card>
  );
}

function State({ of: { state } }: { readonly of: RolloutView }) {
  const [tone, word] = STATES[state];
  return <Badge tone={tone}>{word}</Badge>;
}

function Progress({ of }: { readonly of: RolloutView }) {
  const { name, version, way, stage, stages, reason, sites, left_out, started_at } = of;
  return (
    <>
      <p>
        <strong>
          {name} {version}
        </strong>
        {way === "back" && " is taken back: the version before returns"}, stage {stage} of {stages}, begun <Age at={started_at} />
      </p>
      {reason !== null && (
        <p class="problem break">
          <Stranger text={reason} />
        </p>
      )}
      {left_out.length > 0 && <p class="hint">Offline when it began, and left out: {left_out.join(", ")}</p>}
      <ul class="site-links" aria-label="Sites of the rollout">
        {sites.map(({ id, name: site, step, reason: why, stage: at }) => (
          <li key={id}>
            <span class="row">
              <strong>{site}</strong>
              <Badge tone={TONES[step] ?? "plain"}>{words(step)}</Badge>
              <span class="hint">stage {at}</span>
            </span>
            {why !== null && (
              <p class="problem">
                <Stranger text={why} />
              </p>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function Decide({ of, isOn, done }: { readonly of: RolloutView; readonly isOn: boolean; done(value: RolloutView): void }) {
  const [busy, setBusy] = useState(false);
  const act = async (method: "DELETE" | "POST", path: string) => {
    setBusy(true);
    const value = valueOrTell(await call<RolloutView>(method, path), `Rollout of ${of.name}`);
    setBusy(false);
    if (value !== null) done(value);
  };
  if (isOn) {
    return (
      <button type="button" id="rollout-halt" disabled={busy} onClick={() => void act("DELETE", "region/rollout").catch(console.error)}>
        Halt it
      </button>
    );
  }
  const took = of.sites.some(({ step }) => step !== "waiting" && step !== "refused");
  if (of.way === "back" || !took) return null;
  return (
    <button type="button" id="rollout-back" disabled={busy} onClick={() => void act("POST", "region/rollout/back").catch(console.error)}>
      Take it back
    </button>
  );
}
