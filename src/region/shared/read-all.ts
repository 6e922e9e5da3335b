import type { RecordId, RegionRecord, RegionRecords } from "../ports.ts";

const PAGE = 500;

/** All records of a stream that this site may read, in the order in which they became known. */
export function readAll(records: RegionRecords, stream: string): RegionRecord[] {
  const all: RegionRecord[] = [];
  let after: RecordId | undefined;
  for (;;) {
    const page = records.read(stream, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    all.push(...page);
    after = page.at(-1)?.id;
    if (page.length < PAGE) return all;
  }
}
