import type { AuditControl, AuditFilter, Page, Paging } from "../api/contract/control.ts";
import type { AuditEntryView, AuditVerdict } from "../api/contract/views.ts";
import type { Clock } from "../clock.ts";
import { fail, ok, type Result } from "../errors.ts";
import { verify } from "../permissions/audit/chain.ts";
import type { AuditLog } from "../permissions/audit/log.ts";
import type { AuditItem } from "../permissions/audit/query.ts";

/** While the chain is read nothing else runs: so many times as long as it took, the same verdict is given again. */
const PAUSE = 20;

/** The audit log through the API. */
export class Audit implements AuditControl {
  #verified: { readonly verdict: AuditVerdict; readonly until: number } | null = null;

  constructor(
    private readonly log: AuditLog,
    private readonly dir: string,
    private readonly clock: Pick<Clock, "monotonic">,
  ) {}

  async query(filter: AuditFilter, paging: Paging): Promise<Result<Page<AuditEntryView>>> {
    const before = paging.cursor === undefined ? undefined : Number(paging.cursor);
    if (before !== undefined && !Number.isSafeInteger(before))
      return fail("invalid_argument", "the cursor is not one this API gave out", { hint: "use the value of `next`" });
    const { plugin, permission, result, since, correlationId, after } = filter;
    const wanted = { plugin, permission, result, since, correlationId, after, before };
    const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
    const items = await this.log.query({ limit: paging.limit, ...given });
    const last = items.length < paging.limit ? undefined : items.at(-1)?.seq;
    return ok({ items: items.map(viewOf), next: last === undefined ? null : String(last) });
  }

  async verify(): Promise<Result<AuditVerdict>> {
    await this.log.flush();
    const from = this.clock.monotonic();
    if (this.#verified !== null && from < this.#verified.until) return ok(this.#verified.verdict);
    const verified = verify(this.dir);
    const verdict = verified.ok
      ? { intact: true, entries: verified.value.lines, broken_at: null }
      : { intact: false, entries: 0, broken_at: verified.error.summary() };
    const now = this.clock.monotonic();
    this.#verified = { verdict, until: now + (now - from) * PAUSE };
    return ok(verdict);
  }
}

function viewOf(item: AuditItem): AuditEntryView {
  const decision = item.kind === undefined || item.kind === "decision";
  return {
    seq: item.seq ?? 0,
    time: item.time,
    kind: item.kind ?? "decision",
    plugin: item.plugin,
    permission: decision ? item.permission : null,
    scope: decision ? item.scope : null,
    result: item.result === "deny" ? "deny" : "allow",
    rule: item.rule,
    correlation_id: item.correlation_id,
    count: item.count,
    detail: item.facts === undefined ? null : JSON.stringify(item.facts),
  };
}
