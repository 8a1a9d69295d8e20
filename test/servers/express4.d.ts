/** Express 4 is installed under another name; what the tests use of it is as in Express 5. */
declare module "express4" {
  export { default } from "express";
}
