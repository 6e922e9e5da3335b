export default {
  off: "Die Brücke ist aus (bridge on)",
  none: "Keine Regeln. Schreib sie in plugins.config.bridge",
  rule: "{from} {arrow} {to}: {carried} übertragen, {held} zurückgehalten",
  sites: {
    one: "{channel} <> 1 Standort: {given} hinaus, {sent} herein, {held} zurückgehalten",
    other: "{channel} <> {count} Standorte: {given} hinaus, {sent} herein, {held} zurückgehalten",
  },
  sites_none: "{channel}: kein anderer Standort ist da; {given} hinaus, {sent} herein, {held} zurückgehalten",
  sites_unknown: "{channel}: keine Verbindung hat diesen Kanal",
  sites_denied: "{channel}: die Berechtigung region fehlt",
  webhook: "Webhook: {carried} gesendet, {held} nicht",
  is_on: "Die Brücke ist an.",
  is_off: "Die Brücke ist aus.",
  usage: "bridge, bridge on, bridge off",
  more: "+{count}",
  carried: "{name}@{origin}: {text}",
  help: "Was die Brücke überträgt (Betreiber)",
} as const;
