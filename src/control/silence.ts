import { type Actor, by, type SilenceControl } from "../api/contract/control.ts";
import type { SilenceView } from "../api/contract/views.ts";
import { ok } from "../errors.ts";
import type { Silence, Silenced } from "../mesh/silence.ts";
import { iso } from "./views.ts";

const view = (state: Silenced | null): SilenceView => ({
  silenced: state !== null,
  since: state === null ? null : iso(state.since),
  by: state?.by ?? null,
});

/** The operator's switch, with an entry in the audit log for each change. */
export function silenceControl(silence: Silence, audit: (event: string, detail: string) => void): SilenceControl {
  return {
    get: () => view(silence.state),
    set(on: boolean, actor: Actor) {
      if (on !== silence.isOn)
        audit("silence", `${by(actor)}: ${on ? "all transmissions but alarms are silenced" : "transmissions are allowed again"}`);
      const done = silence.set(on, `${by(actor)}`);
      return done.ok ? ok(view(done.value)) : done;
    },
  };
}
