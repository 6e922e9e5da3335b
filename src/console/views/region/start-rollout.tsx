import { useState } from "preact/hooks";
import { call, type Problem } from "../../api/call.ts";
import type { RolloutView } from "../../api/types.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { size } from "../../parts/format.tsx";

/** A large package over a slow line takes its time. */
const UPLOAD_MS = 10 * 60_000;
const MINUTE_S = 60;

/** Asks for a signed package, and for the stages in which the other sites get it. */
export function StartRollout({ close, begun }: { close(): void; begun(rollout: RolloutView): void }) {
  const [chosen, setChosen] = useState<File | null>(null);
  const [stages, setStages] = useState("1,all");
  const [minutes, setMinutes] = useState("10");
  const [sites, setSites] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const start = async () => {
    if (chosen === null) return;
    setBusy(true);
    setProblem(null);
    const query = new URLSearchParams({ stages: stages.replaceAll(" ", ""), wait_s: String(Math.round(Number(minutes) * MINUTE_S)) });
    if (sites.trim() !== "") query.set("sites", sites.replaceAll(" ", ""));
    const answer = await call<RolloutView>("POST", `region/rollout?${query}`, chosen, UPLOAD_MS);
    setBusy(false);
    if (!answer.ok) return setProblem(answer.problem);
    begun(answer.value);
    close();
  };
  return (
    <Dialog title="Roll a plugin out" onClose={close}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void start().catch(console.error);
        }}
      >
        <p>
          The other sites get a signed package stage by stage. It halts by itself when anything is wrong, and each site decides by its own
          rules.
        </p>
        <label>
          Signed package
          <input type="file" accept=".zgp" required onChange={(event) => setChosen(event.currentTarget.files?.[0] ?? null)} />
        </label>
        {chosen !== null && <p class="hint">{size(chosen.size)}</p>}
        <label>
          How many sites have it after each stage
          <input value={stages} maxLength={100} required spellcheck={false} onInput={(event) => setStages(event.currentTarget.value)} />
        </label>
        <label>
          Minutes for which each stage is watched
          <input
            type="number"
            min="0"
            max="1440"
            step="any"
            required
            value={minutes}
            onInput={(event) => setMinutes(event.currentTarget.value)}
          />
        </label>
        <label>
          Sites, in their order; empty for all
          <input value={sites} maxLength={4000} spellcheck={false} onInput={(event) => setSites(event.currentTarget.value)} />
        </label>
        {problem !== null && (
          <p class="problem" role="alert">
            {problem.text}
          </p>
        )}
        <div class="actions end">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={busy || chosen === null}>
            {busy ? "Beginning…" : "Begin"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
