import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Amended, amendConfig } from "../../config/amend.ts";
import { checkFile } from "../../config/check.ts";
import { type Config, configSchema, MAX_CONFIG_BYTES } from "../../config/schema.ts";
import { readYaml } from "../../config/yaml.ts";
import { fail, issueLine, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { type Keeps, type Rows, takeRows } from "../../python-import/rows.ts";
import { takeSettings } from "../../python-import/settings.ts";
import { type PythonInstallation, readInstallation } from "../../python-import/source.ts";
import { fieldsOf, listOf, type Note, numberOf, textOf } from "../../python-import/values.ts";
import { createFileOnce, writeFileAtomically } from "../../storage/atomic.ts";
import { configuration } from "../verb/locate.ts";
import { json, line, note, readLine, table } from "../verb/output.ts";
import { type Call, done, type Verb } from "../verb/verb.ts";
import { ask } from "./ask.ts";

/** Characters of JSON in one message to the plugin, and rows in it: each is stored before the plugin's time is up. */
const BATCH_CHARS = 30_000;
const BATCH_ROWS = 40;
const BOARDS = ["general", "emergency", "trading", "events", "technical"];

export const importPythonVerb: Verb = {
  name: "import-python",
  summary: "take over configuration, bulletins, mail, channels and names of the Python original; nothing is changed there",
  args: [{ name: "DIR", about: "its folder, with config.yaml and data/zephyrgate.db", values: "folder" }],
  flags: {
    "dry-run": { about: "say what would be taken and left, and change nothing" },
    yes: { about: "do not ask", short: "y" },
  },
  run: importPython,
};

interface Plan {
  readonly file: string;
  readonly before: string | null;
  readonly amended: Amended;
  readonly rows: Rows;
  readonly notes: readonly Note[];
}

async function importPython(call: Call): Promise<Result<number>> {
  const { io, args, flags } = call;
  const scratch = mkdtempSync(join(tmpdir(), "zephyrgate-import-"));
  try {
    const read = readInstallation(resolve(io.cwd, args[0] ?? ""), scratch);
    if (!read.ok) return read;
    const plan = planOf(call, read.value);
    if (!plan.ok) return plan;
    show(call, read.value, plan.value);
    if (flags["dry-run"] === true) return done;
    const agreed = await agree(call);
    if (!agreed.ok || !agreed.value) return agreed.ok ? ok(1) : agreed;
    writeConfig(call, plan.value);
    return await store(call, plan.value.rows);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function planOf({ io, flags }: Call, { config, tables, unread }: PythonInstallation): Result<Plan> {
  const loaded = configuration(io, flags);
  if (!loaded.ok) return loaded;
  const file = loaded.value.file ?? resolve(io.cwd, "config.yaml");
  const before = existsSync(file) ? readFileSync(file, "utf8") : null;
  const { settings, notes } = takeSettings(config, loaded.value.config.mesh.interfaces?.[0]?.name ?? null, Date.now());
  const amended = amendConfig(before ?? "", settings);
  const checked = checkedText(amended.text, file);
  if (!checked.ok) return checked;
  const rows = takeRows(tables, keepsOf(checked.value));
  const kept = amended.kept.map((key): Note => ({ what: key, left: `${file} has its own value` }));
  const older = [...unread].map(
    ([table, count]): Note => ({ what: `${table}: ${count}`, left: "older than the newest 20,000 rows, which are read" }),
  );
  return ok({ file, before, amended, rows, notes: [...notes, ...kept, ...rows.notes, ...older] });
}

/** The configuration as it would be. */
function checkedText(text: string, file: string): Result<Config> {
  const read = readYaml(text, file, MAX_CONFIG_BYTES);
  const checked = read.ok ? checkFile(configSchema, read.value, read.value.value ?? {}) : read;
  return checked.ok ? checked : fail("config_invalid", `with what would be taken: ${checked.error.map(issueLine).join("\n")}`);
}

function keepsOf(config: Config): Keeps {
  const bbs = fieldsOf(config.plugins.config.bbs as Json | undefined);
  const boards = listOf(bbs.boards).map(textOf);
  return {
    boards: boards.length === 0 ? BOARDS : boards,
    maxBulletins: numberOf(bbs.max_bulletins, 10, 20_000) ?? 1_000,
    bulletinDays: numberOf(bbs.bulletin_days, 1, 3_650) ?? 30,
    mailDays: numberOf(bbs.mail_days, 1, 3_650) ?? 90,
    now: Date.now(),
  };
}

function show({ io, flags }: Call, { configPath, databasePath }: PythonInstallation, { file, amended, rows, notes }: Plan): void {
  if (flags.json === true) {
    json(io, { config: configPath, database: databasePath, into: file, added: amended.added, notes });
    return;
  }
  note(io, `configuration: ${configPath ?? "none"}; database: ${databasePath ?? "none"}`);
  table(
    io,
    ["", "what", "why"],
    notes.map(({ what, left }) => [left === null ? "taken" : "left", what, left]),
  );
  const counts = [`${rows.bulletins.length} bulletins`, `${rows.letters.length} letters`, `${rows.channels.length} channels`];
  line(io, `into ${file}: ${amended.added.length === 0 ? "nothing new" : amended.added.join(", ")}`);
  line(io, `into the plugin bbs: ${counts.join(", ")}, ${rows.names.length} names`);
}

async function agree({ io, flags }: Call): Promise<Result<boolean>> {
  if (flags.yes === true) return ok(true);
  if (!io.isTTY)
    return fail("invalid_argument", "an import changes this gateway's configuration and data", { hint: "add --yes, or --dry-run" });
  io.stderr.write("take it? [y/N] ");
  const answer = await readLine(io);
  return ok(answer !== null && /^y(?:es)?$/i.test(answer.trim()));
}

/** The file as it was is kept beside it, the first one for good. */
function writeConfig({ io }: Call, { file, before, amended }: Plan): void {
  if (amended.added.length === 0) return;
  if (before !== null && createFileOnce(`${file}.before-import`, before, { mode: 0o600 })) note(io, `${file}.before-import: as it was`);
  writeFileAtomically(file, amended.text, { mode: 0o600 });
  line(io, `${file}: written`);
}

/** What was taken before is not taken again. */
async function store({ io, client }: Call, { bulletins, letters, channels, names }: Rows): Promise<Result<number>> {
  const all = { bulletins, letters, channels, names };
  if (Object.values(all).every((rows) => rows.length === 0)) return done;
  const gateway = await client();
  if (!gateway.ok) {
    note(io, "the gateway does not run: start it and import again; bulletins, letters and channels follow then");
    return gateway;
  }
  for (const [kind, rows] of Object.entries(all)) {
    let [taken, refused] = [0, 0];
    for (const batch of batches(rows)) {
      const answer = await ask(gateway.value, "bbs", "import", { [kind]: batch });
      if (!answer.ok) return answer;
      const counts = fieldsOf(answer.value);
      taken += numberOf(counts[kind], 0, Number.MAX_SAFE_INTEGER) ?? 0;
      refused += numberOf(counts.refused_count, 0, Number.MAX_SAFE_INTEGER) ?? 0;
      for (const each of listOf(counts.refused).map(fieldsOf))
        note(io, `${kind}: refused ${nameIn(batch, each.row)}: ${textOf(each.reason)}`);
    }
    const before = Math.max(0, rows.length - taken - refused);
    const left = refused === 0 ? "" : `, ${refused} refused`;
    if (rows.length > 0) line(io, `${kind}: ${taken} stored, ${before} were there before${left}`);
  }
  return done;
}

/** A refused row as a person finds it there: its origin, else its number in the batch. */
function nameIn(batch: readonly Json[], row: Json | undefined): string {
  const { origin, node } = fieldsOf(typeof row === "number" ? batch[row] : undefined);
  return textOf(origin) || textOf(node) || `row ${textOf(row)}`;
}

function* batches(rows: readonly Json[]): Generator<Json[]> {
  let batch: Json[] = [];
  let chars = 0;
  for (const row of rows) {
    const size = JSON.stringify(row).length;
    if (batch.length >= BATCH_ROWS || (batch.length > 0 && chars + size > BATCH_CHARS)) {
      yield batch;
      [batch, chars] = [[], 0];
    }
    batch.push(row);
    chars += size;
  }
  if (batch.length > 0) yield batch;
}
