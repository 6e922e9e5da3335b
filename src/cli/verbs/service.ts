import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { IS_COMPILED } from "../../compiled.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { discoverPorts } from "../../mesh/transport/discover.ts";
import { EXIT } from "../client/exit.ts";
import { installedFiles, planService, removeFiles, writeService } from "../service/service.ts";
import { DEFAULT_CONFIG, UNIT_PATH, USER_PATH } from "../service/unit.ts";
import { json, line, note } from "../verb/output.ts";
import { type Call, done, type Flags, type Io, textFlag, type Verb } from "../verb/verb.ts";

const UNIT = "zephyrgate.service";
const PROGRAM_DEADLINE_MS = 60_000;

export const serviceVerbs: readonly Verb[] = [
  {
    name: "service install",
    summary: "write the systemd unit, the system user, names for radios and a configuration if there is none, and start it at every boot",
    flags: {
      root: { about: "write below this folder, for a system image, and start nothing", value: "DIR" },
      "dry-run": { about: "print the files instead of writing them" },
      program: { about: "the program, where this one runs from source", value: "FILE" },
    },
    run: install,
  },
  {
    name: "service status",
    summary: "whether the service is installed and runs; exit code 3 when it does not",
    flags: { root: { about: "look below this folder", value: "DIR" } },
    run: status,
  },
  {
    name: "service uninstall",
    summary: "stop the service and remove its files; configuration and data stay",
    flags: { root: { about: "remove below this folder", value: "DIR" }, "dry-run": { about: "print the files instead of removing them" } },
    run: uninstall,
  },
];

async function install({ io, flags }: Call): Promise<Result<number>> {
  const root = rootOf(io, flags);
  const program = textFlag(flags, "program") ?? (IS_COMPILED ? process.execPath : undefined);
  if (program === undefined)
    return fail("invalid_argument", "the service needs the program as one file, and this runs from source", {
      hint: "build it with `bun run build`, copy it to /usr/local/bin, or name it with --program FILE",
    });
  const planned = planService({ root, program, config: textFlag(flags, "config") ?? DEFAULT_CONFIG, ports: discoverPorts() });
  if (!planned.ok) return planned;
  if (flags["dry-run"] === true) {
    const files = planned.value.filter(({ path, once }) => !once || !existsSync(join(root, path)));
    if (flags.json === true) json(io, { files: files.map(({ path, text }) => ({ path: join(root, path), text })) });
    else for (const { path, text } of files) io.stdout.write(`--- ${join(root, path)}\n${text}\n`);
    return done;
  }
  const written = writeService(root, planned.value);
  if (!written.ok) return written;
  if (flags.json === true) json(io, { files: written.value });
  else for (const path of written.value) line(io, path);
  if (root !== "/") {
    note(io, `next, in the image: systemd-sysusers --root=${root} and systemctl --root=${root} enable ${UNIT}`);
    return done;
  }
  const steps = [
    ["systemd-sysusers", USER_PATH],
    ["systemctl", "daemon-reload"],
    ["systemctl", "enable", UNIT],
  ];
  for (const step of steps) {
    const ran = runProgram(step);
    if (!ran.ok) return ran;
  }
  note(io, `next: edit the configuration, then systemctl start ${UNIT} (after an update: restart)`);
  return done;
}

async function status({ io, flags }: Call): Promise<Result<number>> {
  const root = rootOf(io, flags);
  const installed = existsSync(join(root, UNIT_PATH));
  const facts: Record<string, string> = { unit: installed ? join(root, UNIT_PATH) : "not installed" };
  if (installed && root === "/") {
    const shown = runProgram([
      "systemctl",
      "show",
      UNIT,
      "--property=UnitFileState,ActiveState,SubState,StatusText,NRestarts,ExecMainStatus",
    ]);
    if (!shown.ok) return shown;
    for (const text of shown.value.trim().split("\n")) facts[text.split("=")[0] ?? ""] = text.slice(text.indexOf("=") + 1);
  }
  if (flags.json === true) json(io, facts);
  else for (const [name, value] of Object.entries(facts)) line(io, `${name}: ${value}`);
  if (!installed) return ok(EXIT.noGateway);
  return ok(root !== "/" || facts.ActiveState === "active" ? 0 : EXIT.noGateway);
}

async function uninstall({ io, flags }: Call): Promise<Result<number>> {
  const root = rootOf(io, flags);
  const found = installedFiles(root);
  if (!found.ok) return found;
  const isReal = flags["dry-run"] !== true;
  if (isReal && root === "/" && found.value.includes(UNIT_PATH)) {
    const stopped = runProgram(["systemctl", "disable", "--now", UNIT]);
    if (!stopped.ok) return stopped;
  }
  const removed = isReal ? removeFiles(found.value) : ok(undefined);
  if (!removed.ok) return removed;
  if (isReal && root === "/" && found.value.length > 0) runProgram(["systemctl", "daemon-reload"]);
  if (flags.json === true) json(io, { files: found.value });
  else for (const path of found.value) line(io, path);
  note(io, found.value.length === 0 ? "nothing is installed" : "the configuration, the data folder and the user zephyrgate stay");
  return done;
}

function rootOf(io: Io, flags: Flags): string {
  return resolve(io.cwd, textFlag(flags, "root") ?? "/");
}

/** Runs a program of systemd to its end; its standard output. */
function runProgram(argv: readonly string[]): Result<string> {
  const [name = ""] = argv;
  if (Bun.which(name) === null)
    return fail("unavailable", `${name} is missing: this system does not run systemd`, { hint: "use --root DIR to write the files only" });
  const ended = Bun.spawnSync([...argv], { stdin: "ignore", stdout: "pipe", stderr: "pipe", timeout: PROGRAM_DEADLINE_MS });
  if (ended.exitCode === 0) return ok(ended.stdout.toString());
  const reason = ended.stderr.toString().trim().split("\n").at(-1) ?? "";
  return fail("unavailable", `${argv.join(" ")} failed: ${reason === "" ? `exit code ${ended.exitCode}` : reason}`);
}
