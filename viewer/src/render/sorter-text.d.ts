/** The bundled worker that sorts as text; build.mjs makes it. */
declare module "sfumato:sorter" {
  const text: string;
  export default text;
}
