import { useRef, useState } from "preact/hooks";
import { call } from "../../api/call.ts";
import type { BackupView } from "../../api/types.ts";
import { Icon } from "../../parts/icon.tsx";
import { tell, valueOrTell } from "../../state/notices.ts";

/** A large backup over a slow line takes its time. */
const UPLOAD_MS = 60 * 60_000;

/** Takes a backup from this computer; it is kept among the others once it is verified. */
export function UploadBackup({ off, done }: { readonly off: boolean; done(): void }) {
  const field = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const send = async (file: File | undefined) => {
    if (file === undefined) return;
    setBusy(true);
    const taken = valueOrTell(await call<BackupView>("POST", "backups/upload", file, UPLOAD_MS), `Upload of ${file.name}`);
    setBusy(false);
    if (field.current !== null) field.current.value = "";
    if (taken === null) return;
    tell("done", `${taken.name} is uploaded and verified.`);
    done();
  };
  return (
    <>
      <button type="button" disabled={off || busy} onClick={() => field.current?.click()}>
        <Icon name="upload" /> {busy ? "Uploading…" : "Upload a backup"}
      </button>
      <input
        ref={field}
        id="backup-file"
        class="only-read"
        type="file"
        tabIndex={-1}
        aria-label="Backup file"
        accept=".zgb"
        onChange={(event) => void send(event.currentTarget.files?.[0]).catch(console.error)}
      />
    </>
  );
}
