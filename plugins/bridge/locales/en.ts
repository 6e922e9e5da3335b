export default {
  off: "The bridge is off (bridge on)",
  none: "No rules. Write them into plugins.config.bridge",
  rule: "{from} {arrow} {to}: {carried} carried, {held} held back",
  webhook: "webhook: {carried} posted, {held} not",
  is_on: "The bridge is on.",
  is_off: "The bridge is off.",
  usage: "bridge, bridge on, bridge off",
  more: "+{count}",
  carried: "{name}@{link}: {text}",
  help: "What the bridge carries (operators)",
} as const;
