# A Worker as Cloudflare would run it, on a port that the test chooses; no flag but the date.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "scenarios", worker = .scenarios)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "scenarios")],
);

const scenarios :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "2026-10-01",
);
