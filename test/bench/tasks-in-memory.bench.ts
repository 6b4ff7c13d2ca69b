// The same tasks with outboxes in memory: nodes have disks of their own, while here eight of them share one with the coordinator.
process.env.BENCH_NODES = '24';
await import('./tasks.bench.ts');
