import { useEffect, useState } from "preact/hooks";
import { call, type Problem } from "../../api/call.ts";
import type { RestoreReview } from "../../api/types.ts";
import { Facts } from "../../parts/card.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { Age, size } from "../../parts/format.tsx";
import { printable } from "../../parts/printable.ts";
import { tell } from "../../state/notices.ts";

/** Verifying and unpacking a large backup on a small board takes its time. */
const RESTORE_MS = 30 * 60_000;

/** Restores one backup, after it was verified and the operator has seen what would be lost. */
export function RestoreButton({ name, off }: { readonly name: string; readonly off: boolean }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" disabled={off} onClick={() => setOpen(true)}>
        Restore…<span class="only-read"> {name}</span>
      </button>
      {isOpen && <RestoreDialog name={name} close={() => setOpen(false)} />}
    </>
  );
}

function RestoreDialog({ name, close }: { readonly name: string; close(): void }) {
  const [review, setReview] = useState<RestoreReview | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const path = `backups/${encodeURIComponent(name)}`;
  useEffect(() => {
    let isOpen = true;
    call<RestoreReview>("POST", `${path}/review`, undefined, RESTORE_MS)
      .then((answer) => {
        if (!isOpen) return;
        if (answer.ok) setReview(answer.value);
        else setProblem(answer.problem);
      })
      .catch(console.error);
    return () => {
      isOpen = false;
    };
  }, [path]);
  return (
    <Dialog title="Restore a backup" onClose={close}>
      <p class="mono">{name}</p>
      {review === null && problem === null && <p role="status">Verifying it…</p>}
      {problem !== null && (
        <p class="problem" role="alert">
          {problem.text}
        </p>
      )}
      {review === null ? (
        <div class="actions end">
          <button type="button" onClick={close}>
            Close
          </button>
        </div>
      ) : (
        <RestoreForm review={review} path={path} close={close} setProblem={setProblem} />
      )}
    </Dialog>
  );
}

interface FormProps {
  readonly review: RestoreReview;
  readonly path: string;
  close(): void;
  setProblem(problem: Problem | null): void;
}

function RestoreForm({ review, path, close, setProblem }: FormProps) {
  const { configuration, has_secrets } = review;
  const [scope, setScope] = useState<"all" | "database">("all");
  const [withConfiguration, setWithConfiguration] = useState(configuration.state === "differs");
  const [passphrase, setPassphrase] = useState("");
  const [busy, setBusy] = useState(false);
  const restore = async () => {
    setBusy(true);
    setProblem(null);
    const secrets = passphrase === "" || scope === "database" ? {} : { passphrase };
    const choice = { scope, configuration: scope === "all" && withConfiguration, ...secrets };
    const answer = await call("POST", `${path}/restore`, choice, RESTORE_MS);
    setBusy(false);
    if (!answer.ok) return setProblem(answer.problem);
    close();
    tell("done", "The gateway restarts with the backup. Sign in again when it is back.");
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void restore().catch(console.error);
      }}
    >
      <Contents review={review} />
      <fieldset class="choice">
        <legend>What</legend>
        <label>
          <input type="radio" name="scope" checked={scope === "all"} onChange={() => setScope("all")} /> The whole gateway
        </label>
        <label>
          <input type="radio" name="scope" checked={scope === "database"} onChange={() => setScope("database")} /> Its database alone
        </label>
      </fieldset>
      {scope === "all" && <ConfigurationChoice of={configuration} isOn={withConfiguration} set={setWithConfiguration} />}
      {scope === "all" && has_secrets && (
        <label>
          Passphrase of its secrets; empty: the present secrets stay
          <input
            type="password"
            autoComplete="off"
            minLength={8}
            value={passphrase}
            onInput={(event) => setPassphrase(event.currentTarget.value)}
          />
        </label>
      )}
      <div class="actions end">
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button type="submit" class="danger" disabled={busy}>
          {busy ? "Restoring…" : "Restore, and restart the gateway"}
        </button>
      </div>
    </form>
  );
}

function Contents({ review }: { readonly review: RestoreReview }) {
  const { made_at, program, files, bytes, plugins, skipped, has_secrets, lost } = review;
  return (
    <>
      <Facts
        of={[
          ["Made", <Age key="made" at={made_at} />],
          ["By version", printable(program)],
          ["Holds", `${files} files, ${size(bytes)}; data of ${plugins.length === 0 ? "no plugin" : plugins.map(printable).join(", ")}`],
          ["Secrets", has_secrets ? "sealed by a passphrase" : "none: the present ones stay"],
        ]}
      />
      {skipped.map(({ plugin, reason }) => (
        <p key={plugin} class="problem">
          It has no data of {printable(plugin)}: {printable(reason)}
        </p>
      ))}
      <h3>What is lost</h3>
      <ul class="lost">
        {lost.map((line) => (
          <li key={line}>{printable(line)}</li>
        ))}
      </ul>
      <p class="hint">It is kept on the gateway's disk, in a folder before-restore-… of the data folder.</p>
    </>
  );
}

interface ConfigurationProps {
  readonly of: RestoreReview["configuration"];
  readonly isOn: boolean;
  set(on: boolean): void;
}

function ConfigurationChoice({ of: { state, keys, reason }, isOn, set }: ConfigurationProps) {
  if (state === "absent") return <p class="hint">It holds no configuration file: the present one stays.</p>;
  if (state === "same") return <p class="hint">Its configuration file is the present one.</p>;
  if (state === "unusable") return <p class="hint">The present configuration file stays: {printable(reason ?? "")}.</p>;
  return (
    <label class="row">
      <input type="checkbox" checked={isOn} onChange={(event) => set(event.currentTarget.checked)} />
      The configuration file too{keys.length === 0 ? "" : `; it changes ${keys.map(printable).join(", ")}`}
    </label>
  );
}
