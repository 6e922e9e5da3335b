/** Reverse proxies of Debian with the documented files. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The public name in the documented files. */
export const NAME = "gateway.example.org";

export interface Proxy {
  readonly name: string;
  readonly package: string;
  readonly program: string | undefined;
  /** Of a request of this machine that claims to come from 198.51.100.9. */
  readonly client: string;
  /** Writes its files into the folder; the command that runs it. */
  prepare(program: string, dir: string, port: number, target: number): string[];
}

const documented = (file: string) => readFileSync(join(import.meta.dir, "../../docs/proxy", file), "utf8");

/** Each with the documented file, of which only name, port and target are replaced. */
export const PROXIES: readonly Proxy[] = [
  {
    name: "nginx",
    package: "nginx-light",
    program: ["/usr/sbin/nginx", "/usr/bin/nginx"].find((path) => existsSync(path)),
    // nginx and the client are both on this machine here, and 127.0.0.1 is trusted: the claim before it is what remains.
    client: "198.51.100.9",
    prepare(program, dir, port, target) {
      const server = documented("nginx.conf")
        .replace("listen 80;", `listen 127.0.0.1:${port};`)
        .replace("127.0.0.1:8080", `127.0.0.1:${target}`);
      const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${dir}/${name};`).join("\n");
      writeFileSync(
        join(dir, "nginx.conf"),
        `daemon off;\nmaster_process off;\npid ${dir}/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${folders}\n${server}\n}\n`,
      );
      return [program, "-p", dir, "-c", join(dir, "nginx.conf"), "-e", "stderr"];
    },
  },
  {
    name: "Caddy",
    package: "caddy",
    program: Bun.which("caddy") ?? undefined,
    // Caddy does not pass a client's claim on.
    client: "127.0.0.1",
    prepare(program, dir, port, target) {
      const site = documented("Caddyfile")
        .replace(`${NAME} {`, `http://:${port} {\n\tbind 127.0.0.1`)
        .replace("127.0.0.1:8080", `127.0.0.1:${target}`);
      writeFileSync(join(dir, "Caddyfile"), `{\n\tadmin off\n\tauto_https off\n}\n${site}`);
      return [program, "run", "--config", join(dir, "Caddyfile"), "--adapter", "caddyfile"];
    },
  },
];

export function startProxy({ program = "", prepare }: Proxy, target: number) {
  const dir = mkdtempSync(join(tmpdir(), "proxy-"));
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = probe;
  probe.stop(true);
  const command = prepare(program, dir, port, target);
  const child = Bun.spawn(command, { env: { HOME: dir, PATH: process.env.PATH ?? "" }, stdout: "ignore", stderr: "pipe" });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    up: answers(url, child),
    async stop() {
      // In order it would wait for the event stream to end.
      child.kill("SIGKILL");
      await child.exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function answers(url: string, child: Bun.Subprocess<"ignore", "ignore", "pipe">): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`the proxy ended: ${await new Response(child.stderr).text()}`);
    const status = await fetch(`${url}/mesh/health/live`).then(
      (response) => response.status,
      () => null,
    );
    // Any answer: this request has no allowed name.
    if (status !== null) return;
    await Bun.sleep(50);
  }
  throw new Error("the proxy does not answer");
}
