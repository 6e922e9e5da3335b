/** What both halves of the bridge are made with: the seam towards process.ts and page.ts. */

/** The shared page in which the host names the realm it is about to run, so that a kill can name the culprit. */
export interface RunningPage {
  /** Before any instruction of this realm runs. */
  enter(realm: number): void;
  leave(): void;
  /** "I am alive": the run queue calls it between slices and at least every 100 ms when idle. */
  beat(): void;
}

/** For hosts without a watchdog. */
export const noPage: RunningPage = { enter() {}, leave() {}, beat() {} };

/** A wall of the jail as the host found it by trying. */
export interface Wall {
  readonly wall: string;
  readonly stands: boolean;
  readonly detail: string;
}

/** What stage two of the jail runs once the walls stand. */
export type HostMain = (walls: readonly Wall[]) => void | Promise<void>;
