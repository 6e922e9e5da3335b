import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { homedir, hostname, networkInterfaces } from "node:os";
import { readToken } from "../../api/access/token.ts";
import { type ConfigSources, type LoadedConfig, loadConfig } from "../../config/load.ts";
import { causeOf, fail, issueLine, ok, type Result } from "../../errors.ts";
import { notedPort } from "../../gateway/address.ts";
import { Client } from "../client/client.ts";
import { EXIT } from "../client/exit.ts";
import { showProgress } from "./progress.ts";
import { type Flags, type Io, textFlag } from "./verb.ts";

/** The sources of the configuration, as the gateway would use them with the same flags. */
export function configSources(io: Io, flags: Flags): ConfigSources {
  const [config, dataDir, port] = ["config", "data-dir", "port"].map((name) => textFlag(flags, name));
  const given = {
    ...(config === undefined ? {} : { config }),
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(port === undefined ? {} : { port }),
  };
  return { flags: given, env: io.env, cwd: io.cwd, home: io.env.HOME ?? homedir() };
}

/** Loads the configuration as the gateway would with the same flags; every problem is on a line of its own. */
export function configuration(io: Io, flags: Flags): Result<LoadedConfig> {
  const loaded = loadConfig(configSources(io, flags));
  return loaded.ok ? loaded : fail("config_invalid", loaded.error.map(issueLine).join("\n"), { data: { exit: EXIT.configuration } });
}

/** A client for the running gateway's API, at the address from the configuration. */
export function findGateway(io: Io, flags: Flags): Result<Client> {
  const loaded = configuration(io, flags);
  if (!loaded.ok) return loaded;
  const { api, data_dir } = loaded.value.config;
  if (!isOfThisMachine(api.host)) {
    return fail("config_invalid", `api.host is ${api.host}, which is no address of this machine; the token was not sent there`, {
      data: { exit: EXIT.configuration },
      hint: "the gateway listens at an address of its own machine; reach another machine's by: ssh -L 8080:127.0.0.1:8080",
    });
  }
  const token = readToken(data_dir);
  if (!token.ok) {
    if (token.error.code !== "not_found") return token;
    return fail("unavailable", `no gateway has run with the data folder ${data_dir}`, {
      cause: token.error,
      data: { exit: EXIT.noGateway },
      hint: "start it with: zephyrgate gateway; or say which with --config or --data-dir",
    });
  }
  const trusted = api.tls === undefined ? ok(undefined) : certificateOf(api.tls.cert);
  if (!trusted.ok) return trusted;
  const onWait = () => showProgress(io, "the gateway is still at it");
  return ok(new Client(apiUrl(listeningApi(loaded.value.config)), token.value, { signal: io.signal, onWait, certificate: trusted.value }));
}

/**
 * Whether a gateway of this machine can listen there. The token goes nowhere else: a configuration in the current folder
 * may be a stranger's, and name the operator's data folder beside the stranger's server.
 */
function isOfThisMachine(host: string): boolean {
  const bare = host.toLowerCase();
  if (["localhost", "0.0.0.0", "::", hostname().toLowerCase()].includes(bare) || (isIP(bare) === 4 && bare.startsWith("127."))) return true;
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address.toLowerCase() === bare));
}

function certificateOf(path: string): Result<string> {
  try {
    return ok(readFileSync(path, "utf8"));
  } catch (cause) {
    return fail("config_invalid", `the certificate of api.tls cannot be read: ${causeOf(cause)}`, {
      cause,
      where: path,
      hint: "the command line knows the gateway by it; let your user read it",
      data: { exit: EXIT.configuration },
    });
  }
}

/** The API's part of the configuration, with the port that the gateway took where it was left to the system. */
export function listeningApi({ api, data_dir }: LoadedConfig["config"]): LoadedConfig["config"]["api"] {
  return api.port === 0 ? { ...api, port: notedPort(data_dir) ?? 0 } : api;
}

/** The URL of an API that listens at this address. */
export function apiUrl(api: { readonly host: string; readonly port: number; readonly tls?: unknown }): string {
  const host = api.host === "0.0.0.0" ? "127.0.0.1" : api.host === "::" ? "::1" : api.host;
  return `${api.tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${api.port}`;
}
