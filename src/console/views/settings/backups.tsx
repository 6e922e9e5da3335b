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
  const button = may("operate") && (
    <button type="button" disabled={busy || goneSince.value !== null} onClick={make}>
      {busy ? "Making…" : "Back up now"}
    </button>
  );
  return (
    <Card title="Backups" wide aside={button}>
      {newestFirst.length === 0 && <p class="hint">There is none yet. One is made each night, and before each upgrade.</p>}
      <ul class="lines">
        {newestFirst.map(({ name, kind, made_at, bytes }) => (
          <li key={name} class="row">
            <span class="mono grow">{name}</span>
            <span class="hint">
              {kind}, <Age at={made_at} />, {size(bytes)}
            </span>
            {may("admin") && (
              <a class="button" href={`./api/v1/backups/${encodeURIComponent(name)}`} download={name}>
                <Icon name="download" /> Download<span class="only-read"> {name}</span>
              </a>
            )}
          </li>
        ))}
      </ul>
      <p class="hint">
        A backup is restored while the gateway is stopped: <code>zephyrgate restore FILE</code>. Secrets are in it only when it was made
        with <code>zephyrgate backup --with-secrets</code>.
      </p>
    </Card>
  );
}
