export default {
  off: "The bridge is off (bridge on)",
  none: "No rules. Write them into plugins.config.bridge",
  rule: "{from} {arrow} {to}: {carried} carried, {held} held back",
  sites: {
    one: "{channel} <> 1 site: {given} out, {sent} in, {held} held back",
    other: "{channel} <> {count} sites: {given} out, {sent} in, {held} held back",
  },
  sites_none: "{channel}: no other site is online; {given} out, {sent} in, {held} held back",
  sites_unknown: "{channel}: no link has this channel",
  sites_denied: "{channel}: the permission region is missing",
  webhook: "webhook: {carried} posted, {held} not",
  is_on: "The bridge is on.",
  is_off: "The bridge is off.",
  usage: "bridge, bridge on, bridge off",
  more: "+{count}",
  carried: "{name}@{origin}: {text}",
  help: "What the bridge carries (operators)",
} as const;
