import { GatewayError } from "../../errors.ts";

/** Kept, because making one costs 50 us; bounded, because zones come from plugins. */
const formats = new Map<string, Intl.DateTimeFormat>();
const MAX_FORMATS = 100;

/** `ms` since 1970 as `time` 14:05, `date` 2026-03-01, `datetime` or `iso` in an IANA zone. */
export function formatTime(ms: unknown, timeZone: unknown, style: unknown): string {
  if (typeof ms !== "number" || !Number.isFinite(ms) || Math.abs(ms) > 8.64e15)
    throw new GatewayError("invalid_argument", "formatTime takes a Date or ms since 1970");
  if (typeof timeZone !== "string" || timeZone.length > 64) throw new GatewayError("invalid_argument", "timeZone is an IANA name");
  const parts = new Map(
    format(timeZone)
      .formatToParts(ms)
      .map((part) => [part.type, part.value]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? "";
  const date = `${part("year").padStart(4, "0")}-${part("month")}-${part("day")}`;
  const time = `${part("hour")}:${part("minute")}`;
  switch (style) {
    case "time":
      return time;
    case "date":
      return date;
    case "datetime":
      return `${date} ${time}`;
    case "iso":
      return `${date}T${time}:${part("second")}${offset(part("timeZoneName"))}`;
    default:
      throw new GatewayError("invalid_argument", "style is time, date, datetime or iso");
  }
}

function format(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  try {
    const two = "2-digit";
    const made = new Intl.DateTimeFormat("en-CA", {
      timeZone,
      year: "numeric",
      month: two,
      day: two,
      hour: two,
      minute: two,
      second: two,
      hourCycle: "h23",
      timeZoneName: "longOffset",
    });
    if (formats.size >= MAX_FORMATS) formats.clear();
    formats.set(timeZone, made);
    return made;
  } catch (thrown) {
    throw new GatewayError("invalid_argument", `${JSON.stringify(timeZone)} is no IANA time zone`, { cause: thrown });
  }
}

/** `GMT+01:00` as `+01:00`, `GMT` as `Z`. */
function offset(name: string): string {
  return name === "GMT" || name === "GMT+00:00" ? "Z" : name.replace("GMT", "");
}
