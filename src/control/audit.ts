import type { AuditControl, AuditFilter, Page, Paging } from "../api/contract/control.ts";
import type { AuditEntryView, AuditVerdict } from "../api/contract/views.ts";
import { ok, type Result } from "../errors.ts";
import { verify } from "../permissions/audit/chain.ts";
import type { AuditLog } from "../permissions/audit/log.ts";
import type { AuditItem } from "../permissions/audit/query.ts";

/** The audit log through the API. */
export class Audit implements AuditControl {
  constructor(
    private readonly log: AuditLog,
    private readonly dir: string,
  ) {}

  async query(filter: AuditFilter, paging: Paging): Promise<Result<Page<AuditEntryView>>> {
    await this.log.flush();
    const items = await this.log.query({
      limit: paging.limit,
      ...(filter.plugin === undefined ? {} : { plugin: filter.plugin }),
      ...(filter.permission === undefined ? {} : { permission: filter.permission }),
      ...(filter.result === undefined ? {} : { result: filter.result }),
      ...(filter.since === undefined ? {} : { since: filter.since }),
    });
    const wanted = items.filter((item) => filter.correlationId === undefined || item.correlation_id === filter.correlationId);
    return ok({ items: wanted.map(viewOf), next: null });
  }

  async verify(): Promise<Result<AuditVerdict>> {
    await this.log.flush();
    const verified = verify(this.dir);
    if (!verified.ok) return ok({ intact: false, entries: 0, broken_at: verified.error.summary() });
    return ok({ intact: true, entries: verified.value.lines, broken_at: null });
  }
}

function viewOf(item: AuditItem): AuditEntryView {
  const decision = item.kind === undefined || item.kind === "decision";
  return {
    seq: 0,
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
