import type { Clock } from "../../clock.ts";
import type { Json } from "../../json.ts";
import { type Rate, TokenBucket } from "../../rates.ts";
import type { RecordId, SiteId } from "../ports.ts";
import { MESSAGE_BYTES_MAX } from "./bounds.ts";
import type { DigestTree } from "./digest-tree.ts";
import type { MessageOf } from "./messages.ts";
import { wireJson } from "./record.ts";

/** Questions of one site that are answered: a site that catches up asks ten a second. */
const QUESTIONS: Rate = { count: 1_200, periodS: 60, text: "1200/min" };
const SITES_MAX = 1_000;

interface AnswersDeps {
  readonly clock: Clock;
  readonly tree: DigestTree;
  /** The text of a record that may be passed on. */
  shareable(id: RecordId): string | null;
}

/** Answers what sites that catch up ask. It keeps nothing of a question, so a question that is asked again costs the same. */
export class RecordAnswers {
  readonly #rates = new Map<SiteId, TokenBucket>();

  constructor(private readonly deps: AnswersDeps) {}

  /** Whether a question of this site is answered now. */
  admits(site: SiteId): boolean {
    const bucket = this.#rates.get(site) ?? new TokenBucket(this.deps.clock, QUESTIONS);
    this.#rates.set(site, bucket);
    if (this.#rates.size > SITES_MAX) for (const oldest of [...this.#rates.keys()].slice(0, 1)) this.#rates.delete(oldest);
    return bucket.take(1) === 0;
  }

  /** What is below the prefixes whose digests differ; an empty node where they are equal. */
  toAsk({ question, branches }: MessageOf<"ask">): MessageOf<"answer"> {
    const nodes: MessageOf<"answer">["nodes"] = [];
    let bytes = 0;
    for (const [prefix, theirs] of branches) {
      const node = this.#nodeOf(prefix, theirs);
      bytes += JSON.stringify(node).length;
      if (bytes > MESSAGE_BYTES_MAX) break;
      nodes.push(node);
    }
    return { kind: "answer", question, nodes };
  }

  /** As many of the records as fit one message. */
  toWant({ question, ids }: MessageOf<"want">): MessageOf<"batch"> {
    const records: Json[] = [];
    const gone: RecordId[] = [];
    let bytes = 0;
    for (const id of ids) {
      const wire = this.deps.shareable(id);
      bytes += wire === null ? id.length + 3 : Buffer.byteLength(wire) + 1;
      if (bytes > MESSAGE_BYTES_MAX) break;
      if (wire === null) gone.push(id);
      else records.push(wireJson(wire));
    }
    return { kind: "batch", question, records, gone };
  }

  #nodeOf(prefix: string, theirs: string): MessageOf<"answer">["nodes"][number] {
    const nothing = { prefix, ids: [], branches: [] };
    if (this.deps.tree.digest(prefix) === theirs) return nothing;
    const node = this.deps.tree.node(prefix);
    return node.kind === "ids"
      ? { ...nothing, ids: [...node.ids] }
      : { ...nothing, branches: node.branches.map(([at, digest]) => [at, digest]) };
  }
}
