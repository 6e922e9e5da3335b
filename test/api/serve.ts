import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ACCESS_SCHEMA, AccessStore } from "../../src/api/access/store.ts";
import { type ApiOptions, startApi } from "../../src/api/server.ts";
import { type Clock, systemClock, systemRandom } from "../../src/clock.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { fakeControl } from "./fake-control.ts";

interface TestDeps {
  readonly clock?: Clock;
  readonly onTrouble?: (trouble: string | null) => void;
}

/** The real server over the fake gateway, in a data folder of its own. */
export function serve(more: Partial<ApiOptions> = {}, deps: TestDeps = {}) {
  return serveControl(fakeControl(), more, deps);
}

/** The real server over a gateway of the test's own. */
export function serveControl<T extends Pick<ReturnType<typeof fakeControl>, "control" | "log">>(
  fake: T,
  more: Partial<ApiOptions> = {},
  deps: TestDeps = {},
) {
  const dataDir = more.dataDir ?? mkdtempSync(join(tmpdir(), "api-"));
  const clock = deps.clock ?? systemClock;
  const database = openCoreDatabase(join(dataDir, "gateway.db"), [ACCESS_SCHEMA], { clock, log: fake.log.logger });
  if (!database.ok) throw database.error;
  const access = new AccessStore(database.value);
  const audited: string[] = [];
  const started = startApi({ host: "127.0.0.1", port: 0, dataDir, ...more }, fake.control, {
    clock,
    random: systemRandom,
    log: fake.log.logger,
    access,
    audit: (event, detail) => void audited.push(`${event} ${detail}`),
    ...(deps.onTrouble === undefined ? {} : { onTrouble: deps.onTrouble }),
  });
  if (!started.ok) throw started.error;
  const server = started.value;
  const token = readFileSync(join(dataDir, "api-token"), "utf8").trim();
  const call = (path: string, init: RequestInit & { json?: unknown } = {}) => {
    const { json, ...rest } = init;
    const headers = new Headers(init.headers);
    if (!headers.has("authorization") && !headers.has("cookie")) headers.set("authorization", `Bearer ${token}`);
    if (json !== undefined) headers.set("content-type", "application/json");
    return fetch(`${server.url}${path}`, { ...rest, headers, ...(json === undefined ? {} : { body: JSON.stringify(json) }) });
  };
  return {
    ...fake,
    ...server,
    dataDir,
    token,
    call,
    audited,
    access,
    /** Stops it and keeps its data folder, as for a restart. */
    async end() {
      await server.stop();
      database.value.close();
    },
    async close() {
      await server.stop();
      database.value.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** JSON of unknown shape, for looking into. */
export type Tree = ReturnType<typeof JSON.parse>;

export async function tree(response: Response): Promise<Tree> {
  return JSON.parse(await response.text());
}
