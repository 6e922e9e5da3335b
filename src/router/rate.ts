import { GatewayError } from "../errors.ts";
import { parseRate, type Rate } from "../rates.ts";

/** A rate of the configuration. Throws `config_invalid` when it is none. */
export function readRate(text: string): Rate {
  const rate = parseRate(text);
  if (rate.ok) return rate.value;
  const { message, hint } = rate.error;
  throw new GatewayError("config_invalid", message, hint === undefined ? {} : { hint });
}
