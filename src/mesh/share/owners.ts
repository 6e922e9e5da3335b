import type { PacketId } from "../ids.ts";

const REMEMBERED = 4_096;

/** Which client sent a packet. Ids are one space for all: the cipher's nonce is made of id and sender, so none is used twice. */
export class PacketOwners<Client> {
  readonly #owners = new Map<PacketId, Client>();

  of(id: PacketId): Client | undefined {
    return this.#owners.get(id);
  }

  forget(id: PacketId): void {
    this.#owners.delete(id);
  }

  set(id: PacketId, client: Client): void {
    this.#owners.delete(id);
    this.#owners.set(id, client);
    for (const oldest of this.#owners.keys()) {
      if (this.#owners.size <= REMEMBERED) break;
      this.#owners.delete(oldest);
    }
  }
}
