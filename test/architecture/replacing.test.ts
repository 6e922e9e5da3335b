/**
 * Files that must survive a power cut are replaced in src/storage alone. Every other place that writes or renames is listed
 * here with the reason why a cut does no harm there.
 */
import { expect, test } from "bun:test";
import { sources } from "./rooms.ts";

const WRITES =
  /\b(?:renameSync|writeFileSync|copyFileSync|linkSync|symlinkSync|appendFileSync|truncateSync|cpSync)\(|\bBun\.write\(|\.writer\(/;

const STORAGE: readonly string[] = ["storage/atomic.ts", "storage/disk.ts"];
const HARMLESS: Readonly<Record<string, string>> = {
  "authoring/create.ts": "a new plugin's folder, made again with one command",
  "authoring/local-sdk/package.ts": "the sdk inside a plugin's folder, made again with one command",
  "backup/make.ts": "copies in a folder that the backup removes; the file itself is put in place by the helper",
  "cli/verbs/backup.ts": "a copy beside its target, put in place by the helper",
  "cli/verbs/plugin-config.ts": "a temporary folder, for the operator's editor",
  "debugger/inspect/inspector.ts": "a temporary folder",
  "testing/coverage.ts": "a report in a temporary folder, made again with each run",
  "gateway/context/simulated.ts": "a temporary folder",
  "gateway/plugins/databases.ts": "moves with the journal first, done again at the next start",
  "host/jail/namespace.ts": "files of the kernel",
  "host/jail/privileges.ts": "files of the kernel",
  "log/file.ts": "the rotation of the log",
  "manifest/document.ts": "a page of the documentation",
  "packages/document.ts": "a page of the documentation",
  "python-import/source.ts": "copies a database into a scratch folder, to read it",
  "permissions/audit/log.ts": "cuts off a line that was not written to its end",
};

test("only the helper writes and renames what a power cut must not take", async () => {
  const files = await sources();
  const found = [...files].filter(([, text]) => {
    const code = text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*/g, "");
    return WRITES.test(code);
  });
  const known = [...STORAGE, ...Object.keys(HARMLESS)];
  expect(found.map(([file]) => file).filter((file) => !known.includes(file))).toEqual([]);
});

test("the search finds each way to write", () => {
  for (const line of ["renameSync(a, b)", "await Bun.write(path, text)", "writeFileSync(path, text)", "Bun.file(p).writer()"])
    expect([line, WRITES.test(line)]).toEqual([line, true]);
  expect(WRITES.test("writeFileAtomically(path, text)")).toBe(false);
});
