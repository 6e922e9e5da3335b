interface Peer<T> {
  make(): Promise<T>;
  call(one: T): Promise<unknown>;
  hog?(one: T): void;
  end?(one: T): unknown;
  read(path: string): string;
}
export function measure<T>(peer: Peer<T>): Promise<void>;
export const hogOfThisRun: string;
