const DAY_MS = 86_400_000;
const J2000 = Date.UTC(2000, 0, 1, 12);
const NEW_MOON = Date.UTC(2000, 0, 6, 18, 14);
const LUNATION_DAYS = 29.530588;
const PHASES = ["new", "waxing crescent", "first quarter", "waxing gibbous", "full", "waning gibbous", "last quarter", "waning crescent"];

const rad = (degrees: number) => (degrees * Math.PI) / 180;
const deg = (radians: number) => (radians * 180) / Math.PI;

export type Sun = { readonly rise: Date; readonly set: Date } | "always up" | "always down";

/** The sunrise equation; right to a few minutes. `latitude` and `longitude` in degrees. */
export function sunOf(now: Date, latitude: number, longitude: number): Sun {
  const day = Math.round((now.getTime() - J2000) / DAY_MS + longitude / 360) - longitude / 360;
  const anomaly = rad((357.5291 + 0.98560028 * day) % 360);
  const centre = 1.9148 * Math.sin(anomaly) + 0.02 * Math.sin(2 * anomaly) + 0.0003 * Math.sin(3 * anomaly);
  const ecliptic = rad((deg(anomaly) + centre + 180 + 102.9372) % 360);
  const noon = day + 0.0053 * Math.sin(anomaly) - 0.0069 * Math.sin(2 * ecliptic);
  const declination = Math.asin(Math.sin(ecliptic) * Math.sin(rad(23.44)));
  const cosine =
    (Math.sin(rad(-0.83)) - Math.sin(rad(latitude)) * Math.sin(declination)) / (Math.cos(rad(latitude)) * Math.cos(declination));
  if (cosine > 1) return "always down";
  if (cosine < -1) return "always up";
  const half = deg(Math.acos(cosine)) / 360;
  const at = (days: number) => new Date(J2000 + days * DAY_MS);
  return { rise: at(noon - half), set: at(noon + half) };
}

export function moonOf(now: Date): string {
  const age = ((now.getTime() - NEW_MOON) / DAY_MS) % LUNATION_DAYS;
  return PHASES[Math.round((age / LUNATION_DAYS) * 8) % 8] ?? "new";
}
