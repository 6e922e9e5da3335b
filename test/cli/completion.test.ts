import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { completionScript, SHELLS } from "../../src/cli/parser/completion.ts";
import { VERBS } from "../../src/cli/verbs/all.ts";

setDefaultTimeout(60_000);

let folder = "";
let env: Record<string, string> = {};
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "completion-"));
  for (const shell of SHELLS) writeFileSync(join(folder, `script.${shell}`), completionScript(shell, VERBS));
  mkdirSync(join(folder, "bin"));
  mkdirSync(join(folder, "a folder"));
  writeFileSync(join(folder, "a file.zgb"), "");
  // In the program's place: it knows two plugins, and shows the arguments that it was called with.
  const program = join(folder, "bin/zephyrgate");
  writeFileSync(
    program,
    '#!/bin/sh\nif [ "$1 $2 $3" = "plugin list --names" ]; then printf "weather_alert\\nbbs\\n"; else printf "<%s>" "$@"; echo; fi\n',
  );
  chmodSync(program, 0o755);
  env = { PATH: `${join(folder, "bin")}:${process.env.PATH ?? ""}`, HOME: folder, TERM: "dumb", PS1: "> ", LC_ALL: "C" };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function output(argv: readonly string[], stdin = ""): Promise<string> {
  const child = Bun.spawn([...argv], { cwd: folder, env, stdin: new TextEncoder().encode(stdin), stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  expect(stderr).toBe("");
  return stdout;
}

/** What a shell offers at the end of the line; the last word is the one that is being written. */
const ASKED: readonly (readonly [string[], string[], string[]])[] = [
  [["pl"], ["plugin"], []],
  [["plugin", "en"], ["enable"], []],
  [["plugin", "enable", ""], ["weather_alert", "bbs"], ["enable"]],
  [["plugin", "enable", "we"], ["weather_alert"], ["bbs"]],
  [["plugin", "enable", "--"], ["--yes", "--config", "--json"], ["weather_alert"]],
  [["--config", "f", "plugin", "index", ""], ["build"], ["list"]],
  [["logs", "--level", ""], ["debug", "info", "warn", "error"], ["bbs"]],
  [["help", "simul"], ["simulate"], []],
  [["completion", ""], ["bash", "zsh", "fish"], []],
  [["restore", "a fi"], ["a file.zgb"], []],
  [["plugin", "check", "a fo"], ["a folder"], []],
  [["secret", "set", "weather_alert", "--data-dir", "a"], ["a folder"], ["a file.zgb"]],
];

describe("bash", () => {
  test("offers verbs, flags, names, files and folders", async () => {
    const calls = ASKED.map(([words]) => {
      const quoted = ["zephyrgate", ...words].map((word) => `'${word}'`).join(" ");
      return `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length}; _zephyrgate; printf '%s\\n' "\${COMPREPLY[@]}"; echo ===\n`;
    });
    const offered = (await output(["bash", "-c", `. ./script.bash\n${calls.join("")}`])).split("===\n");
    for (const [index, [words, some, none]] of ASKED.entries()) {
      const lines = (offered[index] ?? "").split("\n");
      for (const word of some) expect([words, lines]).toEqual([words, expect.arrayContaining([word])]);
      for (const word of none) expect([words, lines.includes(word)]).toEqual([words, false]);
    }
  });

  test("completes at the Tab key of an interactive shell", async () => {
    const typed = ". ./script.bash\nzephyrgate plug\ten\twea\t--ye\t\nexit\n";
    const shown = await output(["script", "-qec", "bash --norc --noprofile -i", "/dev/null"], typed);
    expect(shown).toContain("<plugin><enable><weather_alert><--yes>");
  });
});

function has(program: string): boolean {
  const found = Bun.which(program) !== null;
  if (!found) console.warn(`skipped: the completion for ${program} needs Debian's package ${program}`);
  return found;
}

describe.skipIf(!has("fish"))("fish", () => {
  test("offers the same, with descriptions", async () => {
    const calls = ASKED.map(
      ([words]) => `complete -C ${quote(["zephyrgate", ...words].map((word) => word.replaceAll(" ", "\\ ")).join(" "))}; echo ===`,
    );
    const offered = (await output(["fish", "--no-config", "-c", `source script.fish; ${calls.join("; ")}`])).split("===\n");
    for (const [index, [words, some, none]] of ASKED.entries()) {
      const lines = (offered[index] ?? "").split("\n").map((each) => (each.split("\t")[0] ?? "").replaceAll("\\ ", " ").replace(/\/$/, ""));
      for (const word of some) expect([words, lines]).toEqual([words, expect.arrayContaining([word])]);
      for (const word of none) expect([words, lines.includes(word)]).toEqual([words, false]);
    }
    expect(offered[1]).toContain("enable\tshow what a plugin asks for");
  });
});

describe.skipIf(!has("zsh"))("zsh", () => {
  test("completes at the Tab key of an interactive shell", async () => {
    const typed = [
      "autoload -Uz compinit && compinit -u -d ./dump; . ./script.zsh",
      "zephyrgate plug\ten\twea\t--ye\t",
      "zephyrgate restore a\\ fi\t",
      "exit\n",
    ];
    const shown = await output(["script", "-qec", "zsh -f -i", "/dev/null"], typed.join("\n"));
    expect(shown).toContain("<plugin><enable><weather_alert><--yes>");
    expect(shown).toContain("<restore><a file.zgb>");
  });
});

test.each(SHELLS)("%s: the script names every verb", (shell) => {
  const text = completionScript(shell, VERBS);
  for (const { name } of VERBS) expect(text).toContain(name);
});

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
