declare module "@jitl/quickjs-ng-wasmfile-release-sync/wasm" {
  /** Path of the engine's WebAssembly file; inside the binary when compiled. */
  const path: string;
  export default path;
}
