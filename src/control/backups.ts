import type { BackupControl, BackupView } from "../api/contract/control.ts";
import type { BackupKind } from "../backup/head.ts";
import type { KeptBackup } from "../backup/kept.ts";
import type { MadeBackup } from "../backup/make.ts";
import { fail, ok, type Result } from "../errors.ts";
import { iso } from "./views.ts";

/** What makes and keeps the backups. */
export interface BackupKeeper {
  list(): readonly KeptBackup[];
  find(name: string): KeptBackup | null;
  make(kind: BackupKind, passphrase?: string): Promise<Result<MadeBackup>>;
}

export function backupControl(keeper: BackupKeeper): BackupControl {
  return {
    list: () => keeper.list().map(toView),
    async make(passphrase) {
      const made = await keeper.make("manual", passphrase);
      if (!made.ok) return made;
      const { name, path, bytes, head } = made.value;
      return ok({ name, path, kind: head.kind, made_at: head.made_at, bytes, skipped: head.skipped });
    },
    path(name) {
      const found = keeper.find(name);
      return found === null ? fail("not_found", "there is no backup of that name", { hint: "zephyrgate backup --list" }) : ok(found.path);
    },
  };
}

function toView({ name, path, kind, madeAt, bytes }: KeptBackup): BackupView {
  return { name, path, kind, made_at: iso(madeAt), bytes };
}
