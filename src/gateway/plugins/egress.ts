import { ok, type Result } from "../../errors.ts";
import { Egress } from "../../http/egress.ts";
import { parseRate } from "../../rates.ts";
import { VERSION } from "../../version.ts";
import type { GatewayContext } from "../context/context.ts";

/** Fails with `config_invalid` when the configured request rate is not a rate. */
export function makeEgress({ clock, random, log, overrides, config }: GatewayContext): Result<Egress> {
  const rate = parseRate(config().plugins.limits.http);
  if (!rate.ok) return rate;
  const { resolve, exchange } = overrides;
  const outside = { ...(resolve === undefined ? {} : { resolve }), ...(exchange === undefined ? {} : { exchange }) };
  return ok(new Egress({ clock, random, log: log.logger.child("http"), rate: rate.value, userAgent: `zephyrgate/${VERSION}`, ...outside }));
}
