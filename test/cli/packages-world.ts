/** A gateway with a folder in which packages are made, for tests of installing them by the command line. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Ended, FROM_SOURCE, Gateway, prepare, runProgram, tempDir } from "../gateway/harness.ts";

export interface Draft {
  readonly name: string;
  readonly version?: string;
  readonly permissions?: string;
  /** Further lines of the manifest. */
  readonly manifest?: string;
  /** In `initialize`, first. */
  readonly body?: string;
}

export class PackagesWorld {
  private constructor(
    readonly dir: string,
    readonly gateway: Gateway,
  ) {}

  static async start(config = "plugins: { paths: [] }\n"): Promise<PackagesWorld> {
    const dir = tempDir();
    prepare(dir, { spacingS: 0, config: `${config}commands: { sender_rate: 600/min }\n` });
    return new PackagesWorld(dir, await Gateway.start({ dir }));
  }

  async stop(): Promise<void> {
    await this.gateway.end("SIGTERM");
    rmSync(this.dir, { recursive: true, force: true });
  }

  cli(...argv: string[]): Promise<Ended> {
    return runProgram([...argv, "--config", join(this.dir, "config.yaml"), "--port", String(this.gateway.port)], {
      cwd: this.dir,
      command: FROM_SOURCE,
    });
  }

  /** Writes a plugin's folder that answers `NAME` with `NAME VERSION`. Answers its path below the world's folder. */
  draft(
    { name, version = "1.0.0", permissions = "[send_messages]", manifest = "", body = "" }: Draft,
    folder = `drafts/${name}-${version}`,
  ): string {
    const path = join(this.dir, folder);
    mkdirSync(path, { recursive: true });
    writeFileSync(
      join(path, "manifest.yaml"),
      `name: ${name}\nversion: "${version}"\ndescription: the ${name} plugin\nauthor: tests\ncapabilities: { commands: [{ name: ${name} }] }\npermissions: ${permissions}\n${manifest}`,
    );
    writeFileSync(
      join(path, "plugin.ts"),
      `import { Plugin } from "zephyrgate";
export default class Draft extends Plugin {
  override initialize() {
    ${body}
    this.registerCommand("${name}", () => "${name} ${version}");
  }
}
`,
    );
    return folder;
  }

  /** Packs a draft. Answers the file below the world's folder. */
  async pack(draft: Draft, options: { readonly key?: string; readonly file?: string } = {}): Promise<string> {
    const file = options.file ?? `${draft.name}-${draft.version ?? "1.0.0"}.zgp`;
    const packed = await this.cli(
      "plugin",
      "pack",
      this.draft(draft),
      "-o",
      file,
      ...(options.key === undefined ? [] : ["--sign", options.key]),
    );
    if (packed.code !== 0) throw new Error(packed.stderr);
    return file;
  }

  async version(name: string): Promise<string | null> {
    const { status, body } = await this.gateway.api<{ version: string; state: string }>("GET", `/plugins/${name}`);
    return status === 200 ? `${body.version} ${body.state}` : null;
  }
}
