import { useState } from "preact/hooks";
import { call } from "../api/call.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Age } from "../parts/format.tsx";
import { Icon } from "../parts/icon.tsx";
import { loadAlerts, loadStatus, status } from "../state/facts.ts";
import { may } from "../state/me.ts";
import { valueOrTell } from "../state/notices.ts";

async function setSilence(silenced: boolean): Promise<void> {
  valueOrTell(await call("PUT", "silence", { silenced }), silenced ? "Silencing" : "Ending the silence");
  await Promise.all([loadStatus(), loadAlerts()]);
}

/** Silences all transmissions but alarms. One press asks, the next does it: it is at hand on every view. */
export function SilenceButton() {
  const [isAsking, setAsking] = useState(false);
  const isSilenced = status.value?.silence.silenced === true;
  const confirm = () => {
    setAsking(false);
    void setSilence(!isSilenced).catch(console.error);
  };
  if (!may("operate")) return null;
  return (
    <>
      <button
        type="button"
        id="silence"
        class={isSilenced ? "silence on" : "silence"}
        aria-pressed={isSilenced}
        onClick={() => (isSilenced ? confirm() : setAsking(true))}
      >
        <Icon name="mute" /> <span class="label">{isSilenced ? "Silenced" : "Silence"}</span>
      </button>
      {isAsking && (
        <Dialog title="Silence all transmissions but alarms?" onClose={() => setAsking(false)}>
          <p>
            From now on texts wait, until they are out of date or you end the silence. Calls for help are still answered and passed on. It
            survives a restart.
          </p>
          <p class="hint">The radio's own firmware goes on relaying packets of other nodes.</p>
          <div class="actions end">
            <button type="button" onClick={() => setAsking(false)}>
              Cancel
            </button>
            <button type="button" id="silence-now" class="primary" onClick={confirm}>
              Silence
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

/** On every view while it lasts. */
export function SilenceBanner() {
  const silence = status.value?.silence;
  if (silence?.silenced !== true) return null;
  return (
    <div class="banner warn" id="silenced">
      <Icon name="mute" />
      <span class="grow">
        All transmissions but alarms are silenced, since <Age at={silence.since} /> by {silence.by}.
      </span>
      {may("operate") && (
        <button type="button" onClick={() => void setSilence(false).catch(console.error)}>
          End the silence
        </button>
      )}
    </div>
  );
}
