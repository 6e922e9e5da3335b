/** One schema gives the configuration's type, defaults, checks, `docs/config.schema.json` and `docs/configuration.md`. */
import * as v from "valibot";
import { api } from "./schema/api.ts";
import { commands } from "./schema/commands.ts";
import { webhook } from "./schema/hosts.ts";
import { mesh } from "./schema/mesh.ts";
import { plugins } from "./schema/plugins.ts";
import { publish } from "./schema/publish.ts";
import { region } from "./schema/region.ts";
import { about, channel, level, list, node, number, section, text, whole } from "./schema/values.ts";

export const MAX_CONFIG_BYTES = 1024 * 1024;

export const configSchema = v.strictObject({
  data_dir: v.optional(text("Folder for databases, keys and logs."), "./data"),
  mesh,
  language: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[a-z]{2,3}(?:-[A-Za-z0-9]{1,8}){0,3}$/, "is not a language | write for example en or de"),
      v.description(
        "Language of what the gateway and its plugins write to people on the mesh, such as en or de. What is not there in it is English.",
      ),
    ),
    "en",
  ),
  operators: v.optional(list(node, "Nodes that may use admin commands and get alerts."), []),
  commands,
  menu: section({ idle_s: v.optional(number(1, 86_400, "Seconds after which an open menu closes."), 1800) }, "Menus."),
  plugins,
  api,
  alerts: section(
    {
      channels: v.optional(
        list(channel, "Channels on which emergencies are announced: a name, an index, or LINK/INDEX for a channel of one link."),
        [],
      ),
      webhook: v.optional(
        about(v.nullable(webhook), "Address to which each alert is posted as JSON when it is raised and when it is over."),
        null,
      ),
      link_down_s: v.optional(number(0, 604_800, "Seconds without a radio link after which an alert is raised; 0: never."), 600),
      from_sites: v.optional(
        about(v.boolean(), "Also texts alerts of the region's other sites to this gateway's operators; calls for help are always texted."),
        false,
      ),
    },
    "Alerts.",
  ),
  publish,
  backup: section(
    {
      at: v.optional(
        v.pipe(
          v.string(),
          v.regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as "03:30"'),
          v.description("Time of the daily backup, local time."),
        ),
        "03:30",
      ),
      keep: v.optional(whole(0, 1000, "Daily backups that are kept; 0 makes none."), 7),
    },
    "The daily backup of the whole gateway.",
  ),
  region,
  log: section(
    {
      level: v.optional(about(level, "Lowest level that is logged."), "info"),
      format: v.optional(about(v.picklist(["text", "json"]), "Format of a line."), "text"),
      file: v.optional(about(v.nullable(text("Path.")), "Log file, in addition to the terminal."), null),
      max_mb: v.optional(number(0.01, 10_000, "Size at which the file is rotated, megabytes."), 10),
      keep: v.optional(whole(0, 1000, "Rotated files that are kept."), 5),
      levels: v.optional(v.pipe(v.record(text("Category.", 64), level), v.description("Level by plugin or category.")), {}),
      message_text: v.optional(about(v.boolean(), "Log the texts of direct messages. False: only how long they are."), false),
    },
    "The log.",
  ),
  audit: section({ max_mb: v.optional(number(0.1, 100_000, "Size of the audit log, megabytes."), 50) }, "The audit log."),
});

export type Config = v.InferOutput<typeof configSchema>;
