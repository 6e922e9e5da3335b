import { signal } from "@preact/signals";
import { call } from "../api/call.ts";

export type Role = "read" | "operate" | "admin";
const ROLES: readonly Role[] = ["read", "operate", "admin"];

export interface Me {
  /** Of the token; `password` for whoever signed in by it. */
  readonly name: string;
  readonly role: Role;
}

/** As whom this browser is signed in. */
export const me = signal<Me | null>(null);
/** Whether one can sign in by a password. */
export const hasPassword = signal(false);

interface Session {
  readonly signed_in: boolean;
  readonly name?: string;
  readonly role?: Role;
  readonly password: boolean;
}

/** Whether we are signed in; null when the gateway does not answer. */
export async function loadMe(): Promise<boolean | null> {
  const answer = await call<Session>("GET", "session");
  if (!answer.ok) return null;
  const { signed_in, name = "", role = "read", password } = answer.value;
  hasPassword.value = password;
  me.value = signed_in ? { name, role } : null;
  return signed_in;
}

/** The gateway refuses it all the same; here it only decides what is offered. */
export function may(role: Role): boolean {
  return me.value !== null && ROLES.indexOf(me.value.role) >= ROLES.indexOf(role);
}
