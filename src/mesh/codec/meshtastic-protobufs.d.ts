// The package's manifest names a type file that is not in it (2.7.18); this one is, under a hashed name.
declare module "@meshtastic/protobufs" {
  export * from "@meshtastic/protobufs/dist/mod-D6ytgKaP.js";
}
