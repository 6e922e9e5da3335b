import { useState } from "preact/hooks";
import { call } from "../../api/call.ts";
import type { BackupView } from "../../api/types.ts";
import { Card } from "../../parts/card.tsx";
import { Age, size } from "../../parts/format.tsx";
import { Icon } from "../../parts/icon.tsx";
import { useList } from "../../parts/loaded.ts";
import { may } from "../../state/me.ts";
import { tell, valueOrTell } from "../../state/notices.ts";
import { goneSince } from "../../state/session.ts";
import { RestoreButton } from "./restore.tsx";
import { UploadBackup } from "./upload.tsx";

/** The whole gateway as one file each. */
export function Backups() {
  const backups = useList<BackupView>("backups");
  const [busy, setBusy] = useState(false);
  const make = () => {
    setBusy(true);
    call<BackupView>("POST", "backups", {}, 10 * 60_000)
      .then((answer) => {
        const made = valueOrTell(answer, "Backup");
        if (made !== null) tell("done", `${made.name} is made and verified.`);
        backups.again();
      })
      .finally(() => setBusy(false))
      .catch(console.error);
  };
  const newestFirst = (backups.value ?? []).toSorted((a, b) => b.made_at.localeCompare(a.made_at));
  const off = busy || goneSince.value !== null;
  const buttons = (
    <>
      {may("operate") && (
        <button type="button" disabled={off} onClick={make}>
          {busy ? "Making…" : "Back up now"}
        </button>
      )}
      {may("admin") && <UploadBackup off={off} done={backups.again} />}
    </>
  );
  return (
    <Card title="Backups" wide aside={buttons}>
      {newestFirst.length === 0 && <p class="hint">There is none yet. One is made each night, and before each upgrade.</p>}
      <ul class="lines">
        {newestFirst.map(({ name, kind, made_at, bytes }) => (
          <li key={name} class="row">
            <span class="mono grow">{name}</span>
            <span class="hint">
              {kind}, <Age at={made_at} />, {size(bytes)}
            </span>
            {may("admin") && <RestoreButton name={name} off={off} />}
            {may("admin") && (
              <a class="button" href={`./api/v1/backups/${encodeURIComponent(name)}`} download={name}>
                <Icon name="download" /> Download<span class="only-read"> {name}</span>
              </a>
            )}
          </li>
        ))}
      </ul>
      <p class="hint">
        Without this page: <code>zephyrgate restore FILE</code>, while the gateway is stopped. Secrets are in a backup only when it was made
        with <code>zephyrgate backup --with-secrets</code>.
      </p>
    </Card>
  );
}
