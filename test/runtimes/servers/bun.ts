/**
 * Answers with scenarios on Bun's own server, its settings as they come.
 */
import { respond } from "../../servers/answer.ts";

declare const Bun: {
  serve(options: { port: number; hostname: string; fetch(request: Request): Response | Promise<Response> }): {
    port: number;
  };
};

const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: respond });
console.log(`listening on ${server.port}`);
