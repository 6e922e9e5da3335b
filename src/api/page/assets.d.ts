// The page's files are imported as text, so that they are embedded in the binary.
declare module "./client/*.js" {
  const text: string;
  export default text;
}
declare module "./client/*.css" {
  const text: string;
  export default text;
}
declare module "./client/*.html" {
  const text: string;
  export default text;
}
