/** The Python original's configuration in this gateway's terms. */
import type { Json } from "../json.ts";
import { takeBroadcasts } from "./broadcasts.ts";
import { type TakenLink, takeMqttGateway, takeMqttLink } from "./mqtt.ts";
import { defined, type Fields, fieldsOf, isTrue, listOf, type Note, nodeOf, numberOf, textOf } from "./values.ts";

type Settings = { [key: string]: Json };

export interface TakenSettings {
  /** Values by the keys of this gateway's configuration, nested. */
  readonly settings: Settings;
  readonly notes: readonly Note[];
}

interface Part {
  readonly plugins?: Settings;
  readonly top?: Settings;
  readonly notes: readonly Note[];
}

const took = (what: string): Note => ({ what, left: null });
const leftOut = (what: string, left: string): Note => ({ what, left });

/** Sections that have no counterpart, and why. */
const LEFT: Readonly<Record<string, string>> = {
  app: "name and version of the original",
  database: "this gateway has a database of its own",
  node_tracking: "nodes are tracked without a setting",
  assets: "the plugin checkin begins anew",
  plugins: "its plugins are written in Python; see docs/migrating-from-python.md",
  villages_events_service: "a plugin written in Python",
};
const SERVICES_LEFT: Readonly<Record<string, string>> = {
  email: "there is no e-mail here",
  web: "the API has a token in place of accounts, and listens on this machine alone",
};

/** `link`: the first link of this gateway's own configuration, where it has one. */
export function takeSettings(config: Fields, link: string | null, now: number): TakenSettings {
  const services = fieldsOf(config.services);
  const interfaces = withMqtt(interfacesOf(fieldsOf(config.meshtastic)), takeMqttGateway(fieldsOf(config.mqtt_gateway)));
  const taken = fieldsOf(listOf(fieldsOf(interfaces.top?.mesh).interfaces)[0]).name;
  const parts: Part[] = [
    interfaces,
    operatorsOf(fieldsOf(config.security)),
    logOf(fieldsOf(config.logging)),
    bbsOf(fieldsOf(services.bbs)),
    emergencyOf(fieldsOf(services.emergency)),
    botOf(fieldsOf(services.bot)),
    weatherOf(fieldsOf(services.weather)),
    broadcastsOf(fieldsOf(config.scheduled_broadcasts), link ?? (textOf(taken) || null), now),
    switchedOff(services),
    rest(config, ["meshtastic", "mqtt_gateway", "security", "logging", "services", "scheduled_broadcasts"], LEFT, ""),
    rest(services, ["bbs", "emergency", "bot", "weather"], SERVICES_LEFT, "services."),
  ];
  const ofPlugins = Object.assign({}, ...parts.map((part) => part.plugins ?? {})) as Settings;
  const top = Object.assign({}, ...parts.map((part) => part.top ?? {})) as Settings;
  const { disabled_plugins, ...configs } = ofPlugins;
  const plugins = defined({ disabled_plugins, config: Object.keys(configs).length === 0 ? undefined : configs });
  return { settings: Object.keys(plugins).length === 0 ? top : { ...top, plugins }, notes: parts.flatMap((part) => part.notes) };
}

function rest(fields: Fields, known: readonly string[], why: Readonly<Record<string, string>>, prefix: string): Part {
  const names = Object.keys(fields).filter((name) => !known.includes(name));
  return { notes: names.map((name) => leftOut(`${prefix}${name}`, why[name] ?? "not known here")) };
}

function interfacesOf({ interfaces, ...others }: Fields): Part {
  const notes: Note[] = [];
  const taken = listOf(interfaces).flatMap((each, index): Settings[] => {
    const { id, type, port, host } = fieldsOf(each);
    const name =
      textOf(id)
        .replace(/[^A-Za-z0-9_-]/g, "_")
        .slice(0, 32) || `link${index + 1}`;
    const what = `meshtastic.interfaces: ${name}`;
    if (type === "serial" && textOf(port) !== "") {
      notes.push(took(what), leftOut(`${what}: baud_rate`, "the original does not use it either; 115200 is the radios' own"));
      return [{ name, type: "serial", device: textOf(port) }];
    }
    if (type === "tcp" && textOf(host) !== "") {
      notes.push(took(what));
      return [defined({ name, type: "tcp", host: textOf(host), port: numberOf(port, 1, 65_535) }) as Settings];
    }
    if (type === "mqtt") {
      const { link, notes: told } = takeMqttLink(what, name, fieldsOf(each));
      notes.push(...told);
      return link === null ? [] : [link];
    }
    notes.push(leftOut(what, type === "ble" ? "there is no Bluetooth link here" : "it names no device or host"));
    return [];
  });
  const settings = Object.keys(others);
  if (settings.length > 0)
    notes.push(leftOut(`meshtastic: ${settings.join(", ")}`, "the gateway knows the limits of radios, and never gives a link up"));
  return { ...(taken.length === 0 ? {} : { top: { mesh: { interfaces: taken } } }), notes };
}

/** A broker is one more link. */
function withMqtt(part: Part, taken: TakenLink | null): Part {
  if (taken === null) return part;
  const notes = [...part.notes, ...taken.notes];
  if (taken.link === null) return { ...part, notes };
  const interfaces = [...listOf(fieldsOf(part.top?.mesh).interfaces), taken.link];
  return { ...part, top: { ...part.top, mesh: { interfaces } }, notes };
}

function operatorsOf({ admin_nodes, ...others }: Fields): Part {
  const ids = listOf(admin_nodes).map(nodeOf);
  const operators = [...new Set(ids.filter((id) => id !== null))];
  const notes = operators.length === 0 ? [] : [took(`security.admin_nodes: ${operators.length} operators`)];
  if (ids.includes(null)) notes.push(leftOut("security.admin_nodes", "some are no node ids"));
  const names = Object.keys(others);
  if (names.length > 0)
    notes.push(leftOut(`security: ${names.join(", ")}`, "see commands.sender_rate and commands.ban in docs/configuration.md"));
  return { ...(operators.length === 0 ? {} : { top: { operators } }), notes };
}

function logOf({ level, ...others }: Fields): Part {
  const levels: Readonly<Record<string, string>> = { DEBUG: "debug", INFO: "info", WARNING: "warn", ERROR: "error", CRITICAL: "error" };
  const own = levels[textOf(level).toUpperCase()];
  const notes = own === undefined ? [] : [took(`logging.level: ${own}`)];
  const names = Object.keys(others);
  if (names.length > 0) notes.push(leftOut(`logging: ${names.join(", ")}`, "see log in docs/configuration.md"));
  return { ...(own === undefined ? {} : { top: { log: { level: own } } }), notes };
}

function bbsOf(bbs: Fields): Part {
  const named = listOf(bbs.boards).map((board) => textOf(typeof board === "string" ? board : fieldsOf(board).name));
  const words = [...new Set(named.filter((name) => name !== "" && name.length <= 20 && !/\s/.test(name)))].slice(0, 20);
  const first = textOf(bbs.default_board);
  const boards = words.includes(first) ? [first, ...words.filter((name) => name !== first)] : words;
  const config = defined({
    boards: boards.length === 0 ? undefined : boards,
    max_bulletins: numberOf(bbs.max_bulletins, 10, 20_000),
    max_letters: numberOf(bbs.max_mail_per_user, 1, 1_000),
    bulletin_days: numberOf(bbs.bulletin_retention_days, 1, 3_650),
    mail_days: numberOf(bbs.mail_retention_days, 1, 3_650),
  });
  const notes: Note[] = Object.keys(config).map((key) => took(`services.bbs: ${key}`));
  if (words.length < named.length) notes.push(leftOut("services.bbs.boards", "a board's name is one word of at most 20 letters"));
  if (isTrue(fieldsOf(bbs.js8call).enabled)) notes.push(leftOut("services.bbs.js8call", "there is no JS8Call here"));
  if (bbs.sync_interval !== undefined) notes.push(leftOut("services.bbs.sync_interval", "boards of several gateways are not joined"));
  return { ...(Object.keys(config).length === 0 ? {} : { plugins: { bbs: config } }), notes };
}

function emergencyOf(emergency: Fields): Part {
  const given = listOf(emergency.responders)
    .map(textOf)
    .filter((each) => each !== "");
  const responders = given.map((each) => nodeOf(each) ?? each).slice(0, 20);
  const notes: Note[] = responders.length === 0 ? [] : [took(`services.emergency.responders: ${responders.length}`)];
  const names = Object.keys(emergency).filter((name) => name !== "responders" && name !== "enabled");
  if (names.length > 0)
    notes.push(leftOut(`services.emergency: ${names.join(", ")}`, "timers are set for each kind of call; see plugins/emergency"));
  return { ...(responders.length === 0 ? {} : { plugins: { emergency: { responders } } }), notes };
}

function botOf(bot: Fields): Part {
  const auto = fieldsOf(bot.auto_response);
  const rules = listOf(auto.custom_rules).map(fieldsOf);
  const answers = rules
    .map(answerOf)
    .filter((each) => each !== null)
    .slice(0, 50);
  const text = cutBytes(textOf(auto.greeting_message), 190);
  const welcome = isTrue(auto.greeting_enabled) ? { welcome: defined({ enabled: true, text: text === "" ? undefined : text }) } : {};
  const config = { ...(answers.length === 0 ? {} : { answers }), ...welcome };
  const notes: Note[] = [];
  if (answers.length > 0) notes.push(took(`services.bot.auto_response.custom_rules: ${answers.length} answers`));
  if (answers.length < rules.length) {
    notes.push(
      leftOut(
        `services.bot.auto_response.custom_rules: ${rules.length - answers.length}`,
        "switched off, without a text, or calls of plugin methods",
      ),
    );
  }
  if ("welcome" in welcome) notes.push(took("services.bot.auto_response.greeting_message"));
  if (isTrue(fieldsOf(bot.ai).enabled)) notes.push(leftOut("services.bot.ai", "there is no language model here"));
  return { ...(Object.keys(config).length === 0 ? {} : { plugins: { bot: config } }), notes };
}

function answerOf(rule: Fields): Settings | null {
  const keywords = listOf(rule.keywords)
    .map(textOf)
    .filter((word) => word.length >= 2 && word.length <= 60)
    .slice(0, 20);
  const answer = cutBytes(textOf(rule.response), 190);
  if (rule.enabled === false || keywords.length === 0 || answer === "") return null;
  const channels = listOf(rule.channels)
    .filter((each) => numberOf(each, 0, 7) !== undefined)
    .slice(0, 16);
  return defined({
    keywords,
    answer,
    channels: channels.length === 0 ? undefined : channels,
    cooldown_s: numberOf(rule.cooldown_seconds, 1, 86_400),
    per_hour: numberOf(rule.max_responses_per_hour, 1, 60),
  });
}

function weatherOf(weather: Fields): Part {
  const { latitude, longitude, name, location_name, zipcode } = fieldsOf(weather.default_location);
  const [north, east] = [numberOf(latitude, -90, 90), numberOf(longitude, -180, 180)];
  const place = textOf(name) || textOf(location_name) || textOf(zipcode);
  const units = textOf(weather.units);
  const config = defined({
    place: place === "" ? undefined : place.slice(0, 60),
    ...(north === undefined || east === undefined ? {} : { latitude: north, longitude: east }),
    units: units === "metric" || units === "imperial" ? units : undefined,
  });
  const notes: Note[] = Object.keys(config).map((key) => took(`services.weather: ${key}`));
  const names = Object.keys(weather).filter((key) => !["enabled", "default_location", "units"].includes(key));
  if (names.length > 0)
    notes.push(leftOut(`services.weather: ${names.join(", ")}`, "sources and warnings are set anew under plugins.config.weather"));
  return { ...(Object.keys(config).length === 0 ? {} : { plugins: { weather: config } }), notes };
}

function broadcastsOf(section: Fields, link: string | null, now: number): Part {
  const { messages, notes } = takeBroadcasts(section, link, now);
  return { ...(messages.length === 0 ? {} : { plugins: { broadcasts: { time_zone: "UTC", messages: [...messages] } } }), notes };
}

/** What was switched off stays off. */
function switchedOff(services: Fields): Part {
  const off = ["bbs", "emergency", "bot", "weather"].filter((name) => fieldsOf(services[name]).enabled === false);
  if (off.length === 0) return { notes: [] };
  return { plugins: { disabled_plugins: off }, notes: [took(`services: ${off.join(", ")} switched off`)] };
}

function cutBytes(text: string, most: number): string {
  let kept = "";
  for (const character of text) {
    if (Buffer.byteLength(kept + character) > most) break;
    kept += character;
  }
  return kept;
}
