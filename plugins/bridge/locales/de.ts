export default {
  off: "Die Brücke ist aus (bridge on)",
  none: "Keine Regeln. Schreib sie in plugins.config.bridge",
  rule: "{from} {arrow} {to}: {carried} getragen, {held} zurückgehalten",
  webhook: "Webhook: {carried} gesendet, {held} nicht",
  is_on: "Die Brücke ist an.",
  is_off: "Die Brücke ist aus.",
  usage: "bridge, bridge on, bridge off",
  more: "+{count}",
  carried: "{name}@{link}: {text}",
  help: "Was die Brücke trägt (Betreiber)",
} as const;
