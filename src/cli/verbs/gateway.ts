import { ok } from "../../errors.ts";
import { done, misuse, textFlag, type Verb } from "../verb/verb.ts";

/** The flags of `runGateway`. */
export interface GatewayFlags {
  readonly config?: string | undefined;
  readonly dataDir?: string | undefined;
  readonly port?: number | undefined;
  /** For development: every plugin gets all permissions that it asks for. */
  readonly allowAll: boolean;
  /** Starts only the bundled plugins. */
  readonly safe: boolean;
  /** For the bench. */
  readonly traceHops?: boolean;
}

export const gatewayVerbs: readonly Verb[] = [
  {
    name: "gateway",
    summary: "run the gateway",
    flags: {
      "allow-all": { about: "for developing: every plugin gets every permission that it asks for" },
      safe: { about: "start the bundled plugins only" },
      "trace-hops": { about: "report how long the steps of commands take, for bun run bench", hidden: true },
    },
    async run({ io, flags }) {
      const text = textFlag(flags, "port");
      const port = text === undefined ? undefined : Number(text);
      if (port !== undefined && (!/^\d{1,5}$/.test(text ?? "") || port > 65_535)) {
        return misuse("--port must be a number from 0 to 65535");
      }
      // Loaded only here: the other verbs start faster without the gateway's modules.
      const { runGateway } = await import("../../gateway.ts");
      const config = textFlag(flags, "config");
      const dataDir = textFlag(flags, "data-dir");
      const switches = { allowAll: flags["allow-all"] === true, safe: flags.safe === true, traceHops: flags["trace-hops"] === true };
      const code = await runGateway({ config, dataDir, port, ...switches }, io);
      return code === 0 ? done : ok(code);
    },
  },
];
