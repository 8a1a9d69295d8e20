/**
 * As Next comes, its compression too; only what it builds goes where no one commits it.
 */
export default { distDir: ".cache/next", turbopack: { root: import.meta.dirname } };
