/**
 * What operators' nodes are told of an alert in other languages than English, by the alert's code. English tells the message itself,
 * which has the details; the others are short, and `status` has the rest. `{plugin}` and `{link}` are what the alert is about.
 */
const DE = {
  emergency: "Notruf",
  silenced: "Es wird nichts gesendet außer Alarmen (zephyrgate silence off)",
  share_unavailable: "Das Funkgerät wird nicht geteilt",
  backup_failed: "Eine Sicherung ist fehlgeschlagen",
  restored: "Eine Sicherung wurde eingespielt",
  restore_returned: "Die eingespielte Sicherung startete nicht; der Stand davor ist wieder da",
  upgraded: "Eine andere Version des Programms läuft jetzt",
  certificate: "Mit dem Zertifikat der API stimmt etwas nicht",
  permission_requested: "{plugin} bittet um ein Recht (zephyrgate permission list {plugin})",
  plugin_failed: "{plugin} ist ausgefallen; plugin list nennt den Grund",
  approval_pending: "{plugin} wartet auf deine Zustimmung (zephyrgate plugin enable {plugin})",
  link_down: "Die Funkverbindung {link} ist seit Längerem unterbrochen",
  webhook_failed: "alerts.webhook nimmt keine Alarme an; im Log steht der Grund",
  plugin_data_damaged: "Die Datenbank von {plugin} ist beschädigt",
  forged_token: "{plugin} hat einen gefälschten Ausweis gezeigt",
  safe_mode: "Abgesicherter Betrieb: Das Gateway ist mehrmals abgestürzt",
  secrets_unreadable: "Geheimnisse lassen sich nicht entschlüsseln",
  clock_wrong: "Die Uhr dieses Rechners geht falsch",
  region_trouble: "Mit der Region stimmt etwas nicht (zephyrgate region status)",
  disk_low: "Die Platte ist fast voll",
  disk_full: "Die Platte ist voll: Nichts kann gespeichert werden",
  disk_read_only: "Die Platte lässt sich nicht beschreiben",
  disk_missing: "Der Datenordner wurde entfernt oder ersetzt",
  disk_failing: "Die Platte lässt sich weder lesen noch beschreiben",
  gateway_failed: "Das Gateway endet nach einem eigenen Fehler; siehe Log",
  illegal_state: "Der Zustand von {plugin} ist widersprüchlich; siehe Log",
  plugin_disabled: "{plugin} ist nach zu vielen Neustarts abgeschaltet; plugin list nennt den Grund",
} as const;

/** What alerts are about; each has a text in every language. */
export type AlertCode = keyof typeof DE;

/** By language. */
export const ALERTS: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([["de", new Map<string, string>(Object.entries(DE))]]);
