/** The bundled worker as text; build.mjs makes it. */
declare module "sfumato:worker" {
  const text: string;
  export default text;
}
