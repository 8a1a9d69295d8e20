/** What was measured, by server, number of streams, metric and round; and the medians and ratios that are made of it. */

export function createSamples(records = []) {
  const find = (server, streams, metric) =>
    records.filter(
      (record) => record.server === server && record.streams === streams && record.metric === metric,
    );
  return {
    records,
    add(server, streams, round, values) {
      for (const [metric, value] of Object.entries(values))
        records.push({ server, streams, round, metric, value });
    },
    /** The median over the rounds; undefined when it was not measured. */
    median: (server, streams, metric) => median(find(server, streams, metric).map(({ value }) => value)),
    /** The median of the ratios within each round, so that what both had to bear falls out. */
    ratio(server, peer, streams, metric) {
      const others = new Map(find(peer, streams, metric).map(({ round, value }) => [round, value]));
      return median(
        find(server, streams, metric)
          .filter(({ round }) => others.has(round))
          .map(({ round, value }) => value / others.get(round)),
      );
    },
    /** Lowest and highest of the rounds. */
    range(server, streams, metric) {
      const values = find(server, streams, metric).map(({ value }) => value);
      return values.length === 0 ? undefined : [Math.min(...values), Math.max(...values)];
    },
  };
}

export function median(values) {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
