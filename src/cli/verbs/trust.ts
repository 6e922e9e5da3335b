import { statSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Config } from "../../config/schema.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { installedNames, readInstalled } from "../../packages/installed.ts";
import { PACKAGE_LIMITS, readSealed } from "../../packages/package.ts";
import { makeSigningKey, readSigner } from "../../packages/trust/keys.ts";
import { entryOf, signedBy } from "../../packages/trust/lock.ts";
import { FINGERPRINT } from "../../packages/trust/signature.ts";
import { addSigner, removeSigner } from "../../packages/trust/signers.ts";
import { openPackage } from "../packages/found.ts";
import { readKnown, signerLine } from "../packages/show.ts";
import { configuration } from "../verb/locate.ts";
import { json, line, note, table } from "../verb/output.ts";
import { type Call, done, type Verb } from "../verb/verb.ts";

export const trustVerbs: readonly Verb[] = [
  {
    name: "trust keygen",
    summary: "make an Ed25519 key for signing packages: FILE, which only you can read, and FILE.pub for others",
    args: [{ name: "FILE", about: "where to write the private key", values: "file" }],
    async run({ io, args }) {
      const path = resolve(io.cwd, args[0] ?? "");
      const made = await makeSigningKey(path);
      if (!made.ok) return made;
      line(io, made.value.fingerprint);
      note(io, `${args[0]} is the private key: keep it secret; ${args[0]}.pub is for those who trust you`);
      return done;
    },
  },
  {
    name: "trust list",
    summary: "signers that you trust, and signers of installed packages",
    run: list,
  },
  {
    name: "trust add",
    summary: "give a signer a name: its packages are shown as signed by somebody you trust",
    args: [
      { name: "SIGNER", about: "a file of a public key, or a fingerprint", values: "file" },
      { name: "NAME", about: "what to call the signer", optional: true },
    ],
    run: add,
  },
  {
    name: "trust rm",
    summary: "trust a signer no longer; what it signed stays installed",
    args: [{ name: "SIGNER", about: "the signer's name or fingerprint" }],
    async run({ io, args, flags }) {
      const loaded = configuration(io, flags);
      if (!loaded.ok) return loaded;
      const removed = removeSigner(loaded.value.config.data_dir, args[0] ?? "");
      if (!removed.ok) return removed;
      line(io, `${removed.value.name} (${removed.value.fingerprint}): no longer trusted`);
      return done;
    },
  },
  {
    name: "plugin verify",
    summary: "compare installed plugins, or package files, with their hashes and signatures",
    args: [
      {
        name: "PLUGIN",
        about: "plugins' names or package files; without them all that is installed",
        optional: true,
        many: true,
        values: "plugin",
      },
    ],
    run: verifyAll,
  },
];

async function list({ io, flags }: Call): Promise<Result<number>> {
  const loaded = configuration(io, flags);
  if (!loaded.ok) return loaded;
  const known = readKnown(loaded.value.config.data_dir);
  if (!known.ok) return known;
  const { lock, signers } = known.value;
  const trusted = signers.map(({ name, fingerprint }) => ({ name, fingerprint, trusted: true, plugins: signedBy(lock, fingerprint) }));
  const seen = Object.keys(lock.signers)
    .filter((fingerprint) => !signers.some((signer) => signer.fingerprint === fingerprint))
    .map((fingerprint) => ({ name: null, fingerprint, trusted: false, plugins: signedBy(lock, fingerprint) }));
  const rows = [...trusted, ...seen];
  if (flags.json === true) json(io, rows);
  else
    table(
      io,
      ["name", "fingerprint", "trusted", "plugins"],
      rows.map((row) => [row.name, row.fingerprint, row.trusted ? "yes" : "seen only", row.plugins.join(", ") || null]),
    );
  return done;
}

async function add({ io, args, flags }: Call): Promise<Result<number>> {
  const [key = "", named] = args;
  const loaded = configuration(io, flags);
  if (!loaded.ok) return loaded;
  const signer = readSigner(key, resolve(io.cwd, key));
  if (!signer.ok) return signer;
  const { fingerprint } = signer.value;
  const name = named ?? (FINGERPRINT.test(key) ? fingerprint.slice(7, 19) : basename(key).replace(/\.pub$/, ""));
  if (!/^[\p{L}\p{N}][\p{L}\p{N} @._+-]{0,63}$/u.test(name) || FINGERPRINT.test(name)) {
    return fail("invalid_argument", `${JSON.stringify(name.slice(0, 64))} is not a name for a signer`, {
      hint: "letters, digits, blanks and @ . _ + -",
    });
  }
  const added = addSigner(loaded.value.config.data_dir, { name, fingerprint, added_at: new Date().toISOString() });
  if (!added.ok) return added;
  line(io, `${name} (${fingerprint}): trusted`);
  return done;
}

interface Verdict {
  readonly name: string;
  readonly version: string | null;
  readonly good: boolean;
  readonly detail: string;
}

async function verifyAll({ io, args, flags }: Call): Promise<Result<number>> {
  const loaded = configuration(io, flags);
  if (!loaded.ok) return loaded;
  const { config } = loaded.value;
  const known = readKnown(config.data_dir);
  if (!known.ok) return known;
  const names = args.length > 0 ? args : installedNames(config.data_dir);
  const verdicts: Verdict[] = [];
  for (const name of names) {
    const path = resolve(io.cwd, name);
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
    verdicts.push(isFile ? await verifyFile(path, name, known.value) : await verifyInstalled(config, name, known.value));
  }
  if (flags.json === true) json(io, verdicts);
  else
    table(
      io,
      ["name", "version", "verdict", "detail"],
      verdicts.map(({ name, version, good, detail }) => [name, version, good ? "good" : "BAD", detail]),
    );
  return verdicts.every(({ good }) => good) ? done : ok(1);
}

type Known = Parameters<typeof signerLine>[1];

async function verifyFile(path: string, shown: string, known: Known): Promise<Verdict> {
  const found = await openPackage(path, shown);
  if (!found.ok) return { name: shown, version: null, good: false, detail: found.error.message };
  const { manifest } = found.value.contents;
  return { name: manifest.name, version: manifest.version, good: true, detail: signerLine(found.value.contents, known) };
}

async function verifyInstalled(config: Config, name: string, known: Known): Promise<Verdict> {
  const entry = entryOf(known.lock, name)?.active ?? null;
  const version = entry?.version ?? null;
  const bad = (detail: string): Verdict => ({ name, version, good: false, detail });
  if (entry === null) return bad("is not in the list of installed packages");
  const files = readInstalled(config.data_dir, name, PACKAGE_LIMITS);
  const found = files.ok ? await readSealed(files.value) : files;
  if (!found.ok) return bad(found.error.message);
  const { contents, signer, manifest } = found.value;
  const isSame = contents === entry.contents && manifest.version === entry.version && (signer?.fingerprint ?? null) === entry.signer;
  return isSame ? { name, version, good: true, detail: signerLine(found.value, known) } : bad("is another package than was installed");
}
