import { statSync } from "node:fs";
import * as v from "valibot";
import { OPTIONAL_WALLS } from "../../bridge/launch.ts";
import { type Clock, systemClock, type Timer } from "../../clock.ts";
import { fail, type Issue, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";
import { silentLogger } from "../../log/logger.ts";
import type { CompileRequest } from "./compiler-child.ts";
import { type CompilerLimits, CompilerProcess, type Failure, jailedCompiler, type LaunchCompiler } from "./compiler-process.ts";
import type { LoadedPlugin } from "./load.ts";
import { folderSource } from "./source.ts";
import { MAX_TRACE_CHARS } from "./trace.ts";

/** The process ends when nothing was asked of it for so long. */
const IDLE_MS = 3000;
/** Folders that one process may read at most: they are listed in its one argument. */
const MAX_FOLDERS = 200;
const ANSWER_LIMITS: JsonLimits = { chars: 96 * 1024 * 1024, depth: 8, nodes: 20_000 };
/** Of a manifest of 64 KB, its control characters written out. */
const MANIFEST_LIMITS: JsonLimits = { chars: 512 * 1024, depth: 48, nodes: 70_000 };

const text = (most: number) => v.pipe(v.string(), v.maxLength(most));
const place = v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)));
const issueSchema = v.strictObject({
  file: text(2000),
  line: place,
  column: place,
  field: v.optional(text(1000)),
  message: text(2000),
  hint: v.optional(text(1000)),
});
const problemSchema = v.strictObject({ ok: v.literal(false), error: v.pipe(v.array(issueSchema), v.minLength(1), v.maxLength(100)) });
const bundleSchema = v.strictObject({
  ok: v.literal(true),
  value: v.strictObject({
    code: text(16 * 1024 * 1024),
    map: text(32 * 1024 * 1024),
    hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    modules: v.pipe(v.array(v.strictObject({ path: text(1000), bytes: v.number() })), v.maxLength(2000)),
    trace: v.nullable(text(MAX_TRACE_CHARS)),
  }),
});
const manifestSchema = v.strictObject({ ok: v.literal(true), value: v.custom<Json>((value) => value !== undefined) });

/** What may come back for one kind of request. */
interface Kind<T> {
  readonly limits: JsonLimits;
  readonly schema: v.GenericSchema<unknown, Answer<T>>;
}
const BUNDLE: Kind<LoadedPlugin> = {
  limits: ANSWER_LIMITS,
  schema: v.variant("ok", [bundleSchema, problemSchema]) as Kind<LoadedPlugin>["schema"],
};
const MANIFEST: Kind<Json> = { limits: MANIFEST_LIMITS, schema: v.variant("ok", [manifestSchema, problemSchema]) as Kind<Json>["schema"] };

type Answer<T> = Result<T, readonly Issue[]>;

export interface CompilerDeps {
  /** Starts the process: see {@link jailedCompiler}. */
  readonly launch: LaunchCompiler;
  readonly clock: Clock;
  readonly limits?: CompilerLimits;
}

/**
 * Bundles plugins of strangers in a jailed process of its own, with a deadline and a memory limit: a plugin's source can make
 * a bundler use any amount of both, and a fault of the bundler gives an attacker no more than the folders it may read. One
 * plugin at a time, so that the cause of a crash is known. The plugins that are part of the program do not need this: see
 * loadPlugin.
 */
export class Compiler {
  #current: { readonly folders: ReadonlyMap<string, string>; readonly process: CompilerProcess } | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  /** Folders of the requests that wait; one process serves them all. */
  readonly #waiting = new Map<string, number>();
  #idle: Timer | null = null;
  #stopped = false;

  constructor(private readonly deps: CompilerDeps) {}

  /** As loadPlugin, for a folder on disk. Never rejects. */
  load(folder: string, main?: string): Promise<Answer<LoadedPlugin>> {
    return this.#request({ folder, ...(main === undefined ? {} : { main }) }, BUNDLE);
  }

  /** The checked value of a folder's manifest, for manifestFromValue. Never rejects. */
  readManifest(folder: string): Promise<Answer<Json>> {
    return this.#request({ folder, manifest: true }, MANIFEST);
  }

  /** As {@link readManifest}, for a manifest that lies in no folder yet; `file` only names it in the issues. */
  readManifestText(text: string, file: string): Promise<Answer<Json>> {
    return this.#request({ folder: file, text }, MANIFEST);
  }

  /** Starts the process for these folders, so that the first to ask need not wait for it. */
  warm(folders: readonly string[]): void {
    if (folders.length === 0) return;
    // What fails here fails again, and is told, when something is asked.
    this.#next(() => this.#use(folders.slice(0, MAX_FOLDERS))).catch(() => {});
  }

  /** Kills the process; the bundling in progress fails. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#idle?.cancel();
    await this.#current?.process.kill();
    await this.#queue;
    await this.#current?.process.kill();
  }

  #request<T>(request: CompileRequest, kind: Kind<T>): Promise<Answer<T>> {
    const { folder } = request;
    // A text waits for no folder, and its process needs none.
    const isText = request.text !== undefined;
    if (!isText) this.#wait(folder, 1);
    return this.#next(async () => {
      const answer = await this.#ask(request, kind).catch((thrown) =>
        refused(folder, `the bundler failed: ${thrown instanceof Error ? thrown.message : thrown}`, "try again"),
      );
      if (!isText) this.#wait(folder, -1);
      return answer;
    });
  }

  #next<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(run);
    this.#queue = done.catch(() => {}); // The caller has the failure.
    return done;
  }

  #wait(folder: string, sign: 1 | -1): void {
    const count = (this.#waiting.get(folder) ?? 0) + sign;
    if (count === 0) this.#waiting.delete(folder);
    else this.#waiting.set(folder, count);
  }

  async #ask<T>(request: CompileRequest, kind: Kind<T>): Promise<Answer<T>> {
    const refuse = (message: string, hint: string) => refused(request.folder, message, hint);
    // Who may write to the folders above is seen only from outside the jail.
    const source = request.text === undefined ? folderSource(request.folder) : null;
    if (source?.ok === false) return source;
    if (this.#stopped) return refuse("the gateway is stopping", "start it again");
    const child = await this.#use(source === null ? [] : [request.folder], [...this.#waiting.keys()]);
    if (!child.ok) return refuse(`the bundler's process could not be started: ${child.error.message}`, child.error.hint ?? START_HINT);
    this.#idle?.cancel();
    const line = await child.value.ask(JSON.stringify(request), this.deps.limits);
    if (line.ok) {
      this.#endWhenIdle(child.value);
      const checked = parse(line.value, kind);
      if (checked !== null) return checked;
    }
    await child.value.kill();
    const [message, hint] = FAILURES[line.ok ? "answer" : line.error];
    return refuse(message, hint);
  }

  /** The process; started anew, with `more` folders beside, where there is none that may read these. */
  async #use(folders: readonly string[], more: readonly string[] = []): Promise<Result<CompilerProcess>> {
    const { clock, launch } = this.deps;
    const current = this.#current;
    if (current?.process.gone === false && folders.every((folder) => current.folders.get(folder) === identityOf(folder)))
      return ok(current.process);
    await this.#current?.process.kill();
    this.#current = null;
    if (this.#stopped) return fail("unavailable", "the gateway is stopping");
    const readable = [...new Set([...folders, ...more])].slice(0, MAX_FOLDERS);
    // Looked at before the jail is made: a folder that is replaced in between is started for once more.
    const identities = new Map(readable.map((folder) => [folder, identityOf(folder)]));
    const launched = await launch(readable);
    if (!launched.ok) return launched;
    const process = new CompilerProcess(launched.value, clock);
    if (this.#stopped) await process.kill();
    this.#current = { folders: identities, process };
    this.#endWhenIdle(process);
    return ok(process);
  }

  #endWhenIdle(child: CompilerProcess): void {
    this.#idle?.cancel();
    this.#idle = this.deps.clock.after(IDLE_MS, () => child.end());
  }
}

/** The jail is for the folder that was there, not for its name: another folder in its place needs another process. */
function identityOf(folder: string): string {
  const stats = statSync(folder, { throwIfNoEntry: false, bigint: true });
  return stats === undefined ? "" : `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`;
}

/** For commands of the operator or an author, which run where a wall may be missing, too. */
export function commandCompiler(): Compiler {
  const launch = jailedCompiler({ allowMissing: OPTIONAL_WALLS, clock: systemClock, log: silentLogger });
  return new Compiler({ launch, clock: systemClock });
}

const START_HINT = "free some memory or descriptors, and try again";

const PLAINER = "use less and plainer code";
const FAILURES: Readonly<Record<Failure, readonly [message: string, hint: string]>> = {
  answer: ["the bundler gave no valid answer", PLAINER],
  deadline: ["takes too long to bundle", PLAINER],
  memory: ["takes too much memory to bundle", "use shorter texts in enums, and fewer `export *`"],
  gone: ["the bundler crashed on it", PLAINER],
};

function refused(folder: string, message: string, hint: string): { ok: false; error: readonly Issue[] } {
  return { ok: false, error: [{ file: folder, message, hint }] };
}

function parse<T>(line: string, { limits, schema }: Kind<T>): Answer<T> | null {
  // No JSON: the process was taken over or cut short, and the caller says so.
  const parsed = parseJson(line, limits);
  const checked = parsed.ok ? v.safeParse(schema, parsed.value) : null;
  return checked?.success === true ? checked.output : null;
}
