/** What the file wall costs, by each of its builders, beside a host without it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FILE_WALL_BUILDERS, type FileWallBuilder } from "../../../src/bridge/launch.ts";
import { endHost, launchTest, order, reply } from "../../host/jail/host.ts";
import { row, type Settings, type Tell } from "../row.ts";
import { percentile } from "../system.ts";

const OPENS = 20_000;

/** Milliseconds until the walls stand, from source; microseconds to open and close one file behind them. */
async function measure(databases: string, builder: FileWallBuilder | null, rounds: number): Promise<{ start: number; open: number }> {
  const file = join(databases, "file");
  writeFileSync(file, "");
  const starts: number[] = [];
  const opens: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    const host = await launchTest(databases, { fileWalls: builder === null ? [] : [builder], allowMissing: ["files"] });
    starts.push(performance.now() - started);
    const answer = reply(host);
    order(host, { task: "opens", path: file, count: OPENS });
    opens.push(Number(await answer));
    await endHost(host);
  }
  return { start: percentile(starts, 0.5), open: percentile(opens, 0.5) };
}

export async function jail({ full }: Settings, tell: Tell): Promise<void> {
  if (process.platform !== "linux") return;
  const databases = mkdtempSync(join(tmpdir(), "zephyrgate-bench-jail-"));
  const rounds = full ? 20 : 5;
  try {
    await measure(databases, null, 1); // The first start reads the program from the disk.
    const bare = await measure(databases, null, rounds);
    for (const builder of FILE_WALL_BUILDERS) {
      const { start, open } = await measure(databases, builder, rounds);
      const what = "without a file wall";
      const common = { section: "further", values: [start] } as const;
      const standing = { ...common, id: `jail.start.${builder}`, figure: `host to standing walls, ${builder}`, unit: "ms" };
      tell(row({ ...standing, bare: { what, value: bare.start } }));
      const opened = { ...common, id: `jail.open.${builder}`, figure: `one file opened and closed, ${builder}`, unit: "us" };
      tell(row({ ...opened, values: [open], bare: { what, value: bare.open } }));
    }
  } finally {
    rmSync(databases, { recursive: true, force: true });
  }
}
