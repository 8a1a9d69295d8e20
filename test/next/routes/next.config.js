/**
 * A Next application whose routes share a hub. The package is the one of this repository, so that is where modules are looked for.
 */
export default { distDir: ".cache/next", turbopack: { root: `${import.meta.dirname}/../../..` } };
