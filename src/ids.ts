/**
 * Numbers that meet in one signature and must not be mixed up. Each is a plain number at run time and on the wire; the
 * type says what it numbers. A number becomes one of these where it is made, or where its schema was checked.
 */
// The brand has a plain name: generated declarations cannot name a symbol of another module.
type Numbered<What extends string> = number & { readonly __numbers: What };

/** A realm within its plugin host, from 1 on. */
export type RealmNumber = Numbered<"realm">;
/** A call into a realm, numbered by the gateway for each realm. */
export type CallNumber = Numbered<"call">;
/** A request out of a realm, numbered by the realm. */
export type RequestNumber = Numbered<"request">;
/** A registration, numbered by the realm that made it: another load of the plugin numbers anew. */
export type RegistrationId = Numbered<"registration">;
/** The gateway's number for a handler. It stays the same over restarts and reloads of the plugin. */
export type Handle = Numbered<"handle">;

export const realmNumber = (number: number) => number as RealmNumber;
export const callNumber = (number: number) => number as CallNumber;
export const requestNumber = (number: number) => number as RequestNumber;
export const registrationId = (number: number) => number as RegistrationId;
export const handleNumber = (number: number) => number as Handle;
/** Stands for a handle where a registration is only judged. Real ones start at 1. */
export const NO_HANDLE = handleNumber(0);
