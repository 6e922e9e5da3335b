import { type Actor, type BackupControl, type BackupView, by, type RestoreChoice } from "../api/contract/control.ts";
import type { RestoreReview } from "../api/contract/views.ts";
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

/** What puts a backup in the place of what is there. */
export interface Restorer {
  receive(chunks: AsyncIterable<Uint8Array>, by: string): Promise<Result<KeptBackup>>;
  review(backup: KeptBackup): Promise<Result<RestoreReview>>;
  begin(backup: KeptBackup, choice: RestoreChoice, by: string): Promise<Result<{ readonly before: string }>>;
}

export function backupControl(keeper: BackupKeeper, restorer: Restorer): BackupControl {
  const find = (name: string): Result<KeptBackup> => {
    const found = keeper.find(name);
    return found === null ? fail("not_found", "there is no backup of that name", { hint: "zephyrgate backup --list" }) : ok(found);
  };
  return {
    list: () => keeper.list().map(toView),
    async make(passphrase) {
      const made = await keeper.make("manual", passphrase);
      if (!made.ok) return made;
      const { name, path, bytes, head } = made.value;
      return ok({ name, path, kind: head.kind, made_at: head.made_at, bytes, skipped: head.skipped });
    },
    path(name) {
      const found = find(name);
      return found.ok ? ok(found.value.path) : found;
    },
    async receive(chunks: AsyncIterable<Uint8Array>, actor: Actor) {
      const kept = await restorer.receive(chunks, by(actor));
      return kept.ok ? ok(toView(kept.value)) : kept;
    },
    async review(name: string) {
      const found = find(name);
      return found.ok ? restorer.review(found.value) : found;
    },
    async restore(name: string, choice: RestoreChoice, actor: Actor) {
      const found = find(name);
      return found.ok ? restorer.begin(found.value, choice, by(actor)) : found;
    },
  };
}

function toView({ name, path, kind, madeAt, bytes }: KeptBackup): BackupView {
  return { name, path, kind, made_at: iso(madeAt), bytes };
}
