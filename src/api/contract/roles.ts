/** What a token may do: `read` looks, `operate` runs what is installed and approved, `admin` decides what that is. Each includes the ones before. */
export const ROLES = ["read", "operate", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Who may call a route; `open`: everybody, also without a token. */
export type Access = "open" | Role;

export function allows(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** Who asks: known by a token, or by the session of a browser on our own page. */
export interface Caller {
  readonly via: "api" | "page";
  /** The token's name; `password` for whoever signed in by it. */
  readonly name: string;
  readonly role: Role;
  /** Whether the token or the session is still good: what goes on for long, such as an event stream, asks again. */
  isValid(): boolean;
}
