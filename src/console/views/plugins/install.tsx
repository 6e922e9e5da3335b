import { useRef, useState } from "preact/hooks";
import { call, type Problem } from "../../api/call.ts";
import type { PluginSummary } from "../../api/types.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { size } from "../../parts/format.tsx";
import { Icon } from "../../parts/icon.tsx";
import { go } from "../../state/address.ts";
import { isWaiting, loadPlugins } from "../../state/facts.ts";
import { tell } from "../../state/notices.ts";

/** A large package over a slow line takes its time. */
const UPLOAD_MS = 10 * 60_000;

/** Installs a package from a file. What it asks for is reviewed before it may run. */
export function InstallButton() {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="primary" id="install" onClick={() => setOpen(true)}>
        <Icon name="upload" /> Install
      </button>
      {isOpen && <InstallDialog close={() => setOpen(false)} />}
    </>
  );
}

function InstallDialog({ close }: { close(): void }) {
  const file = useRef<HTMLInputElement>(null);
  const [chosen, setChosen] = useState<File | null>(null);
  const [force, setForce] = useState(false);
  const [signer, setSigner] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const install = async () => {
    if (chosen === null) return;
    setBusy(true);
    setProblem(null);
    const query = `force=${force}${signer.trim() === "" ? "" : `&accept_signer=${encodeURIComponent(signer.trim())}`}`;
    const answer = await call<PluginSummary>("POST", `plugins?${query}`, chosen, UPLOAD_MS);
    setBusy(false);
    if (!answer.ok) return setProblem(answer.problem);
    await loadPlugins();
    close();
    const { name, version } = answer.value;
    tell(
      "done",
      isWaiting(answer.value) ? `${name} ${version} is installed. Review what it asks for.` : `${name} ${version} is installed.`,
    );
    go("plugins", name, ...(isWaiting(answer.value) ? ["permissions"] : []));
  };
  return (
    <Dialog title="Install a plugin" onClose={close}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void install().catch(console.error);
        }}
      >
        <p>A package (.zgp) of a new plugin, or a new version. Nothing that it asks for is granted before you have seen and accepted it.</p>
        <label>
          Package
          <input ref={file} type="file" accept=".zgp" required onChange={(event) => setChosen(event.currentTarget.files?.[0] ?? null)} />
        </label>
        {chosen !== null && <p class="hint">{size(chosen.size)}</p>}
        <details>
          <summary>For special cases</summary>
          <label class="row">
            <input type="checkbox" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} /> Allow an older version
          </label>
          <label>
            Fingerprint of a changed signer that you accept, or none
            <input value={signer} maxLength={64} spellcheck={false} onInput={(event) => setSigner(event.currentTarget.value)} />
          </label>
        </details>
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
            {busy ? "Installing…" : "Install"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
