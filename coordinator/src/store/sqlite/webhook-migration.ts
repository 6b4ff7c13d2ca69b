// The step of the schema that brings webhooks.
export const webhooks = {
  version: 42,
  name: 'webhooks, and what waits for them',
  // A row for each delivery: a try writes its own row alone.
  sql: `
    CREATE TABLE webhook (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE webhook_delivery (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID;
  `,
};
