/**
 * A Next application that is a proxy: it rewrites what it is asked to the servers of test/middleware.
 */
const { PLAIN, TIDINGS, COMPRESS, PROXY_TIMEOUT } = process.env;

export default {
  distDir: ".cache/next",
  turbopack: { root: `${import.meta.dirname}/..` },
  compress: COMPRESS !== "no",
  experimental: PROXY_TIMEOUT ? { proxyTimeout: Number(PROXY_TIMEOUT) } : {},
  rewrites: () => [
    { source: "/plain/:path*", destination: `${PLAIN}/:path*` },
    { source: "/tidings/:path*", destination: `${TIDINGS}/:path*` },
  ],
};
