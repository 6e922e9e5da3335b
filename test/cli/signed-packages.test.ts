/** Signed packages against a real gateway: keys, what install shows, and every way in which a package is not to be trusted. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packArchive, unpackArchive } from "../../src/packages/archive.ts";
import { PACKAGE_LIMITS } from "../../src/packages/package.ts";
import type { Ended } from "../gateway/harness.ts";
import { PackagesWorld } from "./packages-world.ts";

setDefaultTimeout(240_000);

let world: PackagesWorld;
let alice = "";
let mallory = "";

beforeAll(async () => {
  world = await PackagesWorld.start();
  alice = await keygen("alice.pem");
  mallory = await keygen("mallory.pem");
});
afterAll(() => world.stop());

async function keygen(file: string): Promise<string> {
  const made = await world.cli("trust", "keygen", file);
  expect(made.code).toBe(0);
  return made.stdout.trim();
}

const install = (file: string, ...more: string[]) => world.cli("plugin", "install", file, "--yes", ...more);
/** The one line of an error: what was shown of the package comes before it. */
const refusal = ({ code, stderr }: Ended) => [code, stderr.split("\n").filter((line) => line.startsWith("zephyrgate: "))] as const;

/** The same package with other content, its own table of contents kept or changed. */
async function forged(file: string, change: (files: Map<string, Uint8Array>) => void): Promise<string> {
  const unpacked = await unpackArchive(readFileSync(join(world.dir, file)), PACKAGE_LIMITS);
  if (!unpacked.ok) throw unpacked.error;
  const files = new Map(unpacked.value);
  change(files);
  const packed = packArchive(files, "zephyrgate-package.json");
  if (!packed.ok) throw packed.error;
  writeFileSync(join(world.dir, "forged.zgp"), packed.value);
  return "forged.zgp";
}

describe("keys", () => {
  test("keygen makes a key that only its owner can read, and never overwrites one", async () => {
    expect(alice).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
    expect(statSync(join(world.dir, "alice.pem")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(world.dir, "alice.pem"), "utf8")).toStartWith("-----BEGIN PRIVATE KEY-----\n");
    expect(readFileSync(join(world.dir, "alice.pem.pub"), "utf8")).toStartWith("-----BEGIN PUBLIC KEY-----\n");
    expect(refusal(await world.cli("trust", "keygen", "alice.pem"))).toEqual([1, [expect.stringContaining("there is a file already")]]);
  });

  test("a key that others may read, or that is none, is refused", async () => {
    const draft = world.draft({ name: "keyed" });
    writeFileSync(join(world.dir, "open.pem"), readFileSync(join(world.dir, "alice.pem")));
    chmodSync(join(world.dir, "open.pem"), 0o640);
    const open = refusal(await world.cli("plugin", "pack", draft, "--sign", "open.pem"));
    expect(open).toEqual([1, [expect.stringMatching(/open\.pem: other users may read this private key \(chmod 600 /)]]);
    writeFileSync(join(world.dir, "none.pem"), "hello\n", { mode: 0o600 });
    const none = refusal(await world.cli("plugin", "pack", draft, "--sign", "none.pem"));
    expect(none).toEqual([1, [expect.stringContaining("is no unencrypted PKCS#8 private key")]]);
    const absent = refusal(await world.cli("plugin", "pack", draft, "--sign", "absent.pem"));
    expect(absent).toEqual([1, [expect.stringContaining("absent.pem: cannot be read (ENOENT)")]]);
  });

  test.if(Bun.which("openssl") !== null)("a key of openssl signs, and the same key gives the same bytes", async () => {
    const made = Bun.spawnSync(["openssl", "genpkey", "-algorithm", "ed25519", "-out", join(world.dir, "openssl.pem")]);
    expect(made.exitCode).toBe(0);
    chmodSync(join(world.dir, "openssl.pem"), 0o600);
    const [one, two] = [
      await world.pack({ name: "keyed" }, { key: "openssl.pem" }),
      await world.pack({ name: "keyed" }, { key: "openssl.pem", file: "again.zgp" }),
    ];
    expect(readFileSync(join(world.dir, one)).equals(readFileSync(join(world.dir, two)))).toBe(true);
    const rsa = Bun.spawnSync([
      "openssl",
      "genpkey",
      "-algorithm",
      "RSA",
      "-pkeyopt",
      "rsa_keygen_bits:2048",
      "-out",
      join(world.dir, "rsa.pem"),
    ]);
    expect(rsa.exitCode).toBe(0);
    chmodSync(join(world.dir, "rsa.pem"), 0o600);
    const refused = refusal(await world.cli("plugin", "pack", world.draft({ name: "keyed" }), "--sign", "rsa.pem"));
    expect(refused).toEqual([1, [expect.stringContaining("is no Ed25519 key")]]);
  });
});

describe("install", () => {
  test("shows who signed it, and whether that signer was seen before or is trusted", async () => {
    const first = await install(await world.pack({ name: "signed" }, { key: "alice.pem" }));
    expect([first.code, first.stdout]).toEqual([0, "signed 1.0.0: running\n"]);
    expect(first.stderr).toContain(`signed by ${alice}, a signer never seen before`);
    const second = await install(await world.pack({ name: "signed", version: "1.1.0" }, { key: "alice.pem" }));
    expect(second.stderr).toMatch(new RegExp(`signed by ${alice.replaceAll("+", "\\+")}, seen before \\(since .*; signed\\)`));
    expect((await world.cli("trust", "add", "alice.pem.pub", "alice")).stdout).toBe(`alice (${alice}): trusted\n`);
    const third = await install(await world.pack({ name: "signed", version: "1.2.0" }, { key: "alice.pem" }));
    expect([third.code, third.stderr.includes(`signed by alice (${alice}), whom you trust`)]).toEqual([0, true]);
    const list = await world.cli("trust", "list", "--json");
    expect(JSON.parse(list.stdout)).toEqual([{ name: "alice", fingerprint: alice, trusted: true, plugins: ["signed"] }]);
    const lock = JSON.parse(readFileSync(join(world.dir, "data/plugins.lock.json"), "utf8"));
    expect(lock.plugins.signed).toMatchObject({
      signer: alice,
      highest: "1.2.0",
      active: { version: "1.2.0", signer: alice },
      previous: { version: "1.1.0" },
    });
    const audit = await world.gateway.api("GET", "/audit?plugin=signed&limit=100");
    expect(JSON.stringify(audit.body)).toContain(`signed by ${alice}`);
  });

  test("a changed signer, or none after a signed version, waits even with --yes, until it is accepted by its fingerprint", async () => {
    const other = await world.pack({ name: "signed", version: "1.3.0" }, { key: "mallory.pem" });
    const changed = await install(other);
    expect(refusal(changed)).toEqual([
      1,
      [
        `zephyrgate: signed is signed by ${mallory}; the package accepted before was signed by ${alice} (it waits until you accept that: add --accept-signer ${mallory})`,
      ],
    ]);
    const bare = await world.pack({ name: "signed", version: "1.4.0" });
    expect(refusal(await install(bare))[1][0]).toContain("signed is not signed; the package accepted before was signed by");
    expect(refusal(await install(other, "--accept-signer", alice))[1][0]).toContain(`signed is signed by ${mallory}, not by ${alice}`);
    // The API enforces it too, whatever the command line thinks.
    const posted = await world.gateway.tryFetch("/api/v1/plugins", {
      method: "POST",
      headers: { authorization: `Bearer ${world.gateway.token}`, "content-type": "application/octet-stream" },
      body: readFileSync(join(world.dir, bare)),
    });
    expect(posted?.status).toBe(409);
    expect(await world.version("signed")).toBe("1.2.0 running");
    expect((await install(other, "--accept-signer", mallory)).code).toBe(0);
    expect(await world.version("signed")).toBe("1.3.0 running");
    expect((await install(bare, "--accept-signer", "none")).code).toBe(0);
    expect(await world.version("signed")).toBe("1.4.0 running");
  });

  test("the signer is remembered when the plugin is removed and its data kept", async () => {
    const file = await world.pack({ name: "kept", version: "2.0.0" }, { key: "alice.pem" });
    expect((await install(file)).code).toBe(0);
    expect((await world.cli("plugin", "remove", "kept")).code).toBe(0);
    const old = await world.pack({ name: "kept", version: "1.0.0" }, { key: "alice.pem" });
    expect(refusal(await install(old))[1][0]).toContain("version 1.0.0 is older than the once installed 2.0.0");
    expect(refusal(await install(await world.pack({ name: "kept", version: "2.1.0" })))[1][0]).toContain("kept is not signed");
    expect((await install(file)).code).toBe(0);
    expect((await world.cli("plugin", "remove", "kept", "--purge")).code).toBe(0);
    expect((await install(old)).code).toBe(0);
  });

  test("a bad signature, a truncated file, another's signature and a replay: one line each, and nothing changes", async () => {
    const file = await world.pack({ name: "solid" }, { key: "alice.pem" });
    expect((await install(file)).code).toBe(0);
    const next = await world.pack({ name: "solid", version: "1.1.0" }, { key: "alice.pem" });
    expect((await install(next)).code).toBe(0);
    const decode = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
    const contents = "zephyrgate-package.json";
    const signature = "zephyrgate-signature.json";
    const rows: readonly [string, () => string | Promise<string>, RegExp][] = [
      [
        "changed code, changed table",
        () => forged(next, (files) => files.set(contents, Buffer.from(`${decode(files.get(contents))} `))),
        /not to be trusted: its signature does not belong to its contents/,
      ],
      [
        "a changed file",
        () => forged(next, (files) => files.set("plugin.ts", Buffer.from("export default 1;"))),
        /is damaged: plugin\.ts is not what the table of contents says/,
      ],
      ["a damaged signature", () => forged(next, (files) => files.set(signature, Buffer.from("{}"))), /its signature is damaged/],
      [
        "the signature of another package",
        async () => {
          const other = await unpackArchive(readFileSync(join(world.dir, file)), PACKAGE_LIMITS);
          if (!other.ok) throw other.error;
          return forged(next, (files) => files.set(signature, other.value.get(signature) ?? new Uint8Array()));
        },
        /its signature does not belong to its contents/,
      ],
      [
        "without its signature",
        () => forged(next, (files) => void files.delete(signature)),
        /solid is not signed; the package accepted before/,
      ],
      [
        "half of it",
        () => {
          const bytes = readFileSync(join(world.dir, next));
          writeFileSync(join(world.dir, "half.zgp"), bytes.subarray(0, bytes.length >> 1));
          return "half.zgp";
        },
        /the file is damaged, or no package/,
      ],
      ["an old version", () => file, /solid: version 1\.0\.0 is older than the installed 1\.1\.0 \(add --force to go back to it\)/],
    ];
    for (const [what, make, wanted] of rows) {
      const [code, lines] = refusal(await install(await make()));
      expect([what, code, lines]).toEqual([what, 1, [expect.stringMatching(wanted)]]);
    }
    expect(await world.version("solid")).toBe("1.1.0 running");
  });
});

describe("plugin use", () => {
  test("two versions are kept; each can be chosen; one that does not start leaves the other running", async () => {
    await install(await world.pack({ name: "twice" }));
    await install(await world.pack({ name: "twice", version: "2.0.0" }));
    const back = await world.cli("plugin", "use", "twice", "1.0.0");
    expect([back.stderr, back.code, back.stdout]).toEqual(["", 0, "twice 1.0.0: running\n"]);
    expect((await world.gateway.ask("twice", /^twice \d/)).text).toBe("twice 1.0.0");
    expect((await world.cli("plugin", "use", "twice", "2.0.0")).stdout).toBe("twice 2.0.0: running\n");
    const none = refusal(await world.cli("plugin", "use", "twice", "3.0.0"));
    expect(none).toEqual([1, [expect.stringContaining("twice has no version 3.0.0: 2.0.0 is active, 1.0.0 is kept beside it")]]);
    expect(refusal(await world.cli("plugin", "use", "ping", "1.0.0"))[1][0]).toContain("ping was not installed from a package");
  });
});

describe("plugin verify", () => {
  test("tells what was changed, added or taken away after it was installed", async () => {
    const good = await world.cli("plugin", "verify", "solid");
    expect([good.code, good.stdout]).toEqual([0, expect.stringMatching(/solid +1\.1\.0 +good +signed by alice/)]);
    const folder = join(world.dir, "data/installed/solid");
    const code = readFileSync(join(folder, "plugin.ts"));
    const spoiled: readonly [() => void, () => void, string][] = [
      [
        () => writeFileSync(join(folder, "plugin.ts"), "changed"),
        () => writeFileSync(join(folder, "plugin.ts"), code),
        "plugin.ts is not what",
      ],
      [() => writeFileSync(join(folder, "more.ts"), ""), () => rmSync(join(folder, "more.ts")), "holds more.ts"],
      [() => rmSync(join(folder, "plugin.ts")), () => writeFileSync(join(folder, "plugin.ts"), code), "lacks plugin.ts"],
    ];
    for (const [spoil, repair, wanted] of spoiled) {
      spoil();
      const bad = await world.cli("plugin", "verify");
      repair();
      expect([bad.code, bad.stdout]).toEqual([1, expect.stringContaining(wanted)]);
    }
    expect((await world.cli("plugin", "verify")).code).toBe(0);
    expect((await world.cli("plugin", "verify", "solid-1.0.0.zgp")).stdout).toContain("signed by alice");
    expect((await world.cli("trust", "rm", "alice")).code).toBe(0);
    expect((await world.cli("plugin", "verify", "solid")).stdout).toContain(`signed by ${alice}, seen before`);
  });
});
