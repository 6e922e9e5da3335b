/** Other gateways that work as one service with this one. */
import * as v from "valibot";
import { brokerUrl, login } from "./broker.ts";
import { list, text } from "./values.ts";

const NAME_IN_REGION = /^[a-z][a-z0-9_-]{0,31}$/;
/** What sites of a region can share. */
const SHARED = ["answers", "bbs", "sos", "nodes", "alerts"] as const;

export const region = v.optional(
  v.pipe(
    v.strictObject({
      url: brokerUrl,
      ...login,
      name: v.pipe(
        v.string(),
        v.regex(NAME_IN_REGION, "is not a region's name | use a lower-case letter, then letters, digits, _ and -, at most 32"),
        v.description("Name of the region: the same at all its sites. It is part of the topics on the broker."),
      ),
      site: v.pipe(
        v.string(),
        v.regex(NAME_IN_REGION, "is not a site's name | use a lower-case letter, then letters, digits, _ and -, at most 32"),
        v.description("Name of this site, which no other of the region has."),
      ),
      share: v.optional(
        list(
          v.picklist(SHARED),
          "What this site shares with the others: who answers a command, boards and mail, calls for help, the directory of nodes, alerts.",
        ),
        [...SHARED],
      ),
      control: v.optional(
        list(
          v.pipe(
            v.string(),
            v.regex(
              /^[0-9a-f]{32}$/,
              "is not the fingerprint of a site | copy it from `zephyrgate region list`: a name can be taken by anybody",
            ),
            v.description("Fingerprint of a site."),
          ),
          "Sites whose operators may roll out signed plugins here, as far as this site trusts the signer and has accepted their permissions.",
        ),
        [],
      ),
      key_file: v.optional(text("File of the region's key; `region.key` in the data folder by default, made by `region join`.")),
    }),
    v.description("Other gateways on one MQTT broker that work as one service. Absent: this gateway is alone."),
  ),
);
